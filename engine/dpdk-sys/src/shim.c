/* What wirebook needs of DPDK, as few coarse calls: most of DPDK's own are inline functions and macros, which no other language
 * can call. Built into a library of its own, so that a program that carries it runs where libdpdk is not installed. */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_version.h>

/* A received frame. */
struct wb_frame {
	const uint8_t *data;
	uint32_t size;
	uint32_t flags;
	uint64_t stamp;
};

enum {
	WB_BAD_CHECKSUM = 1, /* the card found a wrong checksum */
	WB_SCATTERED = 2,    /* only the front of the frame is in one piece */
	WB_STAMPED = 4,      /* the card said when it came */
};

struct wb_port_settings {
	uint16_t queues;
	uint16_t descriptors;
	uint16_t mtu; /* 0: as it is */
	uint8_t promiscuous;
	uint8_t stamps;
	void *pool;
};

struct wb_port_state {
	uint64_t received;
	uint64_t missed;
	uint64_t errors;
	uint64_t without_buffer;
	uint8_t stamps; /* the card stamps */
};

/* Place and flag of the time in a packet's structure; negative until a port was asked for stamps. */
static int stamp_offset = -1;
static uint64_t stamp_flag;

static const char *wb_release(void)
{
	return rte_version();
}

static const char *wb_error(int code)
{
	return rte_strerror(code);
}

static int wb_start(int count, char **arguments)
{
	return rte_eal_init(count, arguments) < 0 ? rte_errno : 0;
}

/* Buffers in ordinary pages, one right behind the other. DPDK's own way puts none across the border of two pages, which leaves
 * gaps in pages of 4 KB, and its af_xdp driver reckons without gaps: the kernel would refuse the last third of the buffers, and
 * reception would stop once they are in turn. Cards, which need each buffer in one piece, do not come with ordinary pages. */
static struct rte_mempool *gapless_pool(const char *name, uint32_t count, uint16_t room)
{
	struct rte_pktmbuf_pool_private private = {.mbuf_data_room_size = room};
	struct rte_mempool *pool = rte_mempool_create_empty(name, count, sizeof(struct rte_mbuf) + room, 0, sizeof private,
							    SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	if (pool == NULL)
		return NULL;
	int result = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL);
	if (result == 0) {
		rte_pktmbuf_pool_init(pool, &private);
		result = rte_mempool_populate_default(pool);
	}
	if (result < 0) {
		rte_mempool_free(pool);
		rte_errno = -result;
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}

static int wb_pool_open(const char *name, uint32_t count, uint16_t room, void **pool)
{
	*pool = rte_eal_has_hugepages() ? rte_pktmbuf_pool_create(name, count, 0, 0, room, SOCKET_ID_ANY)
					: gapless_pool(name, count, room);
	return *pool == NULL ? rte_errno : 0;
}

static void wb_pool_close(void *pool)
{
	rte_mempool_free(pool);
}

static uint16_t wb_headroom(void)
{
	return RTE_PKTMBUF_HEADROOM;
}

/* Plugs a device in, and finds its port by the name before the arguments. */
static int wb_port_plug(const char *device, const char *name, uint16_t *port)
{
	int result = rte_dev_probe(device);
	if (result < 0)
		return -result;
	result = rte_eth_dev_get_port_by_name(name, port);
	return result < 0 ? -result : 0;
}

static int wb_port_unplug(uint16_t port)
{
	struct rte_eth_dev_info info;
	rte_eth_dev_stop(port);
	int result = rte_eth_dev_info_get(port, &info);
	rte_eth_dev_close(port);
	if (result == 0 && info.device != NULL)
		result = rte_dev_remove(info.device);
	return result < 0 ? -result : 0;
}

static int wb_port_start(uint16_t port, const struct wb_port_settings *settings)
{
	struct rte_eth_conf conf;
	struct rte_eth_dev_info info;
	uint16_t receive = settings->descriptors, send = 512;
	int result = rte_eth_dev_info_get(port, &info);
	if (result < 0)
		return -result;
	if (settings->queues > info.max_rx_queues)
		return ERANGE;
	memset(&conf, 0, sizeof conf);
	conf.rxmode.offloads = info.rx_offload_capa & (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
	if (settings->stamps && (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0)
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_TIMESTAMP;
	if (settings->queues > 1) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP);
	}
	result = rte_eth_dev_configure(port, settings->queues, info.max_tx_queues > 0 ? 1 : 0, &conf);
	if (result < 0)
		return -result;
	if (settings->mtu != 0) {
		result = rte_eth_dev_set_mtu(port, settings->mtu);
		if (result < 0 && result != -ENOTSUP)
			return -result;
	}
	rte_eth_dev_adjust_nb_rx_tx_desc(port, &receive, &send);
	for (uint16_t queue = 0; queue < settings->queues; queue++) {
		result = rte_eth_rx_queue_setup(port, queue, receive, rte_eth_dev_socket_id(port), NULL, settings->pool);
		if (result < 0)
			return -result;
	}
	if (info.max_tx_queues > 0) {
		result = rte_eth_tx_queue_setup(port, 0, send, rte_eth_dev_socket_id(port), NULL);
		if (result < 0)
			return -result;
	}
	if ((conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_TIMESTAMP) != 0 &&
	    rte_mbuf_dyn_rx_timestamp_register(&stamp_offset, &stamp_flag) != 0)
		stamp_offset = -1;
	result = rte_eth_dev_start(port);
	if (result < 0)
		return -result;
	/* Virtual devices that have no filters refuse, and take everything anyway. */
	if (settings->promiscuous)
		rte_eth_promiscuous_enable(port);
	rte_eth_allmulticast_enable(port);
	return 0;
}

static uint16_t wb_receive(uint16_t port, uint16_t queue, void **held, struct wb_frame *frames, uint16_t limit)
{
	struct rte_mbuf **packets = (struct rte_mbuf **)held;
	uint16_t count = rte_eth_rx_burst(port, queue, packets, limit);
	for (uint16_t at = 0; at < count; at++) {
		struct rte_mbuf *packet = packets[at];
		struct wb_frame *frame = &frames[at];
		frame->flags = 0;
		if (packet->nb_segs > 1 && rte_pktmbuf_linearize(packet) != 0)
			frame->flags |= WB_SCATTERED;
		frame->data = rte_pktmbuf_mtod(packet, const uint8_t *);
		frame->size = packet->data_len;
		if ((packet->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD ||
		    (packet->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_BAD)
			frame->flags |= WB_BAD_CHECKSUM;
		if (stamp_offset >= 0 && (packet->ol_flags & stamp_flag) != 0) {
			frame->flags |= WB_STAMPED;
			frame->stamp = *RTE_MBUF_DYNFIELD(packet, stamp_offset, rte_mbuf_timestamp_t *);
		}
	}
	return count;
}

static void wb_give_back(void **held, uint16_t count)
{
	rte_pktmbuf_free_bulk((struct rte_mbuf **)held, count);
}

/* Sends a copy of a frame. */
static int wb_send(uint16_t port, void *pool, const uint8_t *data, uint16_t size)
{
	struct rte_eth_dev_info info;
	if (rte_eth_dev_info_get(port, &info) < 0 || info.nb_tx_queues == 0)
		return ENOTSUP;
	struct rte_mbuf *packet = rte_pktmbuf_alloc(pool);
	if (packet == NULL)
		return ENOBUFS;
	char *to = rte_pktmbuf_append(packet, size);
	if (to == NULL) {
		rte_pktmbuf_free(packet);
		return EMSGSIZE;
	}
	memcpy(to, data, size);
	if (rte_eth_tx_burst(port, 0, &packet, 1) == 1)
		return 0;
	rte_pktmbuf_free(packet);
	return EAGAIN;
}

static int wb_port_state(uint16_t port, struct wb_port_state *state)
{
	struct rte_eth_stats stats;
	int result = rte_eth_stats_get(port, &stats);
	if (result < 0)
		return -result;
	state->received = stats.ipackets;
	state->missed = stats.imissed;
	state->errors = stats.ierrors;
	state->without_buffer = stats.rx_nombuf;
	state->stamps = stamp_offset >= 0;
	return 0;
}

/* Everything above. New functions go at the end; the first field counts changes of those that are there. */
struct wb_table {
	uint32_t version;
	uint32_t size;
	const char *(*release)(void);
	const char *(*error)(int);
	int (*start)(int, char **);
	int (*pool_open)(const char *, uint32_t, uint16_t, void **);
	void (*pool_close)(void *);
	uint16_t (*headroom)(void);
	int (*port_plug)(const char *, const char *, uint16_t *);
	int (*port_unplug)(uint16_t);
	int (*port_start)(uint16_t, const struct wb_port_settings *);
	uint16_t (*receive)(uint16_t, uint16_t, void **, struct wb_frame *, uint16_t);
	void (*give_back)(void **, uint16_t);
	int (*send)(uint16_t, void *, const uint8_t *, uint16_t);
	int (*port_state)(uint16_t, struct wb_port_state *);
};

__attribute__((visibility("default"))) const struct wb_table wirebook_dpdk = {
	.version = 1,
	.size = sizeof(struct wb_table),
	.release = wb_release,
	.error = wb_error,
	.start = wb_start,
	.pool_open = wb_pool_open,
	.pool_close = wb_pool_close,
	.headroom = wb_headroom,
	.port_plug = wb_port_plug,
	.port_unplug = wb_port_unplug,
	.port_start = wb_port_start,
	.receive = wb_receive,
	.give_back = wb_give_back,
	.send = wb_send,
	.port_state = wb_port_state,
};
