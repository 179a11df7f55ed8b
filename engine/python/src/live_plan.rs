//! A venue's configuration, as the framework resolved it, into loops, channels and services.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    time::Duration,
};

use serde::Deserialize;
use wirebook_abi::CheckedTable;
use wirebook_book::BookConfig;
use wirebook_channel::ArbiterConfig;
use wirebook_io::live::{
    self, DpdkConfig, DpdkMemory, Join, LiveConfig, LiveSource, SourceKind, Stamps, Trailer, XdpConfig, XdpMode,
};
use wirebook_recovery::{
    CboeLogin, Conversation, GapProxy, GapProxyConfig, Glimpse, GlimpseConfig, Group, LoopConfig, MoldConfig,
    MoldRequests, Pace, Services, SnapshotLoop, SpinConfig, SpinServer, desk,
};
use wirebook_runtime::live::{
    ChannelConfig, Clock, Idle, LiveChannel, LiveLoop, LoopPlan, RecoveryConfig, Seat, Snapshots,
};

use crate::decoder::framing_by_name;

/// Answers that wait for a channel at most.
const ANSWERS: usize = 4096;

/// What is to run. Every path in an error is one of the YAML file, which the framework puts before it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    loops: Vec<LoopEntry>,
    channels: Vec<ChannelEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LoopEntry {
    path: String,
    name: String,
    core: Option<usize>,
    idle: IdleEntry,
    timed_every: u32,
    source: SourceEntry,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
enum IdleEntry {
    Spin,
    BackOff { polls: u32, sleep_us: u64 },
    Block,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceEntry {
    kind: String,
    interface: Option<String>,
    datagram_size: usize,
    receive_buffer_size: usize,
    busy_poll_us: u32,
    stamps: String,
    trailer: Option<String>,
    flow_limit: usize,
    queue: u16,
    mode: String,
    frame_count: u32,
    device: Option<String>,
    queue_count: u16,
    descriptor_count: u16,
    buffer_count: u32,
    memory: String,
    megabytes: u32,
    promiscuous: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelEntry {
    path: String,
    name: String,
    /// Index of the loop.
    at_loop: usize,
    /// Index of the decoder.
    decoder: usize,
    framing: String,
    session: Option<String>,
    lines: Vec<String>,
    window_packets: usize,
    window_ns: u64,
    held_packets: usize,
    packet_bytes: usize,
    silence_ns: u64,
    books: BooksEntry,
    messages_limit: u64,
    retry_ns: u64,
    services: Vec<ServiceEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BooksEntry {
    instruments: Option<u32>,
    orders: Option<usize>,
    levels: Option<usize>,
}

#[derive(Debug, Deserialize)]
struct PaceEntry {
    burst: u32,
    refill_ns: u64,
    timeout_ns: u64,
    tries: u32,
}

#[derive(Debug, Deserialize)]
struct LoginEntry {
    session_sub_id: String,
    username: String,
    password: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
enum ServiceEntry {
    Moldudp64 {
        servers: Vec<SocketAddr>,
        most_messages: u16,
        pace: PaceEntry,
    },
    Glimpse {
        servers: Vec<SocketAddr>,
        username: String,
        password: String,
        pace: PaceEntry,
    },
    GapProxy {
        servers: Vec<SocketAddr>,
        login: LoginEntry,
        groups: Vec<SocketAddrV4>,
        interface: Ipv4Addr,
        most_messages: u16,
        silence_ns: u64,
        pace: PaceEntry,
    },
    Spin {
        servers: Vec<SocketAddr>,
        login: LoginEntry,
        silence_ns: u64,
        pace: PaceEntry,
    },
    Loops {
        loops: Vec<Vec<SocketAddrV4>>,
        interface: Ipv4Addr,
        pace: PaceEntry,
    },
}

/// What a plan comes to.
pub struct Built {
    pub loops: Vec<LoopPlan>,
    pub services: Vec<Services>,
    /// Names of the channels that `services` are for, in their order.
    pub served: Vec<String>,
    /// What sources did not get, and what that costs.
    pub notes: Vec<String>,
    /// Decoder of each channel, in the order of the loops and their seats.
    pub tables: Vec<Vec<CheckedTable>>,
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    ///
    /// What is wrong with it; the framework made it, so that this is a fault of its own.
    pub fn read(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| format!("plan: {error}"))
    }

    /// Whether every part can be, without opening any.
    ///
    /// # Errors
    ///
    /// The YAML path of the first part that cannot, and why.
    pub fn check(&self, tables: &[CheckedTable]) -> Result<(), String> {
        for (at, each) in self.loops.iter().enumerate() {
            let config = each.source.config(self.joins(at)?).map_err(|error| within(&each.path, &error))?;
            config.check().map_err(|error| within(&each.path, &error))?;
        }
        for channel in &self.channels {
            let config = channel.config(table_of(tables, channel)?)?;
            config.arbiter.check().map_err(|error| within(&channel.path, &error))?;
            if let Some(books) = config.books {
                books.check().map_err(|error| within(&channel.path, &format!("books.{error}")))?;
            }
        }
        Ok(())
    }

    /// Opens the sources and makes the channels.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check), and what the system refused.
    pub fn build(&self, tables: &[CheckedTable], clock: Clock) -> Result<Built, String> {
        self.check(tables)?;
        let (mut services, mut served, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        let mut loops = Vec::new();
        let mut tables_of_loops = Vec::new();
        for (at, each) in self.loops.iter().enumerate() {
            let config = each.source.config(self.joins(at)?).map_err(|error| within(&each.path, &error))?;
            let source: Box<dyn LiveSource> = live::open(&config).map_err(|error| within(&each.path, &error))?;
            notes.extend(source.notes().iter().map(|note| format!("{}: {note}", each.name)));
            let (mut seats, mut of_loop) = (Vec::new(), Vec::new());
            for channel in self.channels.iter().filter(|channel| channel.at_loop == at) {
                let table = table_of(tables, channel)?;
                let (seat, service) = channel.seat(table, clock)?;
                seats.push(seat);
                of_loop.push(table);
                if let Some(service) = service {
                    services.push(service);
                    served.push(channel.name.clone());
                }
            }
            let idle = each.idle.idle();
            let driver = LiveLoop::new(vec![source], seats, idle, each.timed_every, clock);
            loops.push(LoopPlan { name: each.name.clone(), core: each.core, driver });
            tables_of_loops.push(of_loop);
        }
        Ok(Built { loops, services, served, notes, tables: tables_of_loops })
    }

    /// Every address that a loop's channels listen on, once.
    fn joins(&self, at_loop: usize) -> Result<Vec<Join>, String> {
        let mut joins: Vec<Join> = Vec::new();
        for channel in self.channels.iter().filter(|channel| channel.at_loop == at_loop) {
            for join in channel.joins()? {
                match joins.iter_mut().find(|known| (known.address, known.port) == (join.address, join.port)) {
                    None => joins.push(join),
                    // One of both takes everybody, or each adds its own senders.
                    Some(known) if known.senders.is_empty() || join.senders.is_empty() => known.senders.clear(),
                    Some(known) => {
                        known.senders.extend(join.senders);
                        known.senders.sort();
                        known.senders.dedup();
                    }
                }
            }
        }
        Ok(joins)
    }
}

fn within(path: &str, error: &dyn std::fmt::Display) -> String {
    format!("{path}.{error}")
}

fn table_of(tables: &[CheckedTable], channel: &ChannelEntry) -> Result<CheckedTable, String> {
    tables.get(channel.decoder).copied().ok_or_else(|| format!("{}: no such decoder", channel.path))
}

impl IdleEntry {
    fn idle(&self) -> Idle {
        match *self {
            Self::Spin => Idle::Spin,
            Self::BackOff { polls, sleep_us } => Idle::BackOff { polls, sleep: Duration::from_micros(sleep_us) },
            Self::Block => Idle::Block,
        }
    }
}

impl SourceEntry {
    fn config(&self, joins: Vec<Join>) -> Result<LiveConfig, String> {
        Ok(LiveConfig {
            interface: self.interface.clone(),
            joins,
            datagram_size: self.datagram_size,
            receive_buffer_size: self.receive_buffer_size,
            busy_poll_us: self.busy_poll_us,
            stamps: if self.stamps == "hardware" { Stamps::Hardware } else { Stamps::Kernel },
            trailer: self.trailer.as_deref().map(trailer).transpose()?,
            flow_limit: self.flow_limit,
            ..LiveConfig::new(self.kind()?)
        })
    }

    fn kind(&self) -> Result<SourceKind, String> {
        Ok(match self.kind.as_str() {
            "socket" => SourceKind::Socket,
            "io_uring" => SourceKind::IoUring,
            "af_xdp" => SourceKind::AfXdp(XdpConfig {
                queue: self.queue.into(),
                mode: match self.mode.as_str() {
                    "zero_copy" => XdpMode::ZeroCopy,
                    "copy" => XdpMode::Copy,
                    "generic" => XdpMode::Generic,
                    _ => XdpMode::Best,
                },
                frame_count: self.frame_count,
            }),
            "dpdk" => SourceKind::Dpdk(DpdkConfig {
                device: self.device.clone().ok_or("device: dpdk needs a card's PCI address, or a virtual device")?,
                queue: self.queue,
                queue_count: self.queue_count,
                descriptor_count: self.descriptor_count,
                buffer_count: self.buffer_count,
                memory: match self.memory.as_str() {
                    "huge_pages" => DpdkMemory::HugePages,
                    _ => DpdkMemory::Ordinary { megabytes: self.megabytes },
                },
                promiscuous: self.promiscuous,
            }),
            other => return Err(format!("kind: {other} is not socket, io_uring, af_xdp or dpdk")),
        })
    }
}

fn trailer(name: &str) -> Result<Trailer, String> {
    match name {
        "metamako" => Ok(Trailer::Metamako),
        "exablaze" => Ok(Trailer::Exablaze),
        other => Err(format!("trailer: {other} is not metamako or exablaze")),
    }
}

impl ChannelEntry {
    fn joins(&self) -> Result<Vec<Join>, String> {
        let join = |(at, line): (usize, &String)| {
            line.parse::<Join>().map_err(|error| within(&format!("{}.lines[{at}]", self.path), &error))
        };
        self.lines.iter().enumerate().map(join).collect()
    }

    fn config(&self, table: CheckedTable) -> Result<ChannelConfig, String> {
        let framing =
            framing_by_name(table, &self.framing).map_err(|error| within(&self.path, &error)).and_then(|framing| {
                match framing.is_stream() {
                    true => Err(format!(
                        "{}.framing: {} is a stream; live channels are of datagrams",
                        self.path, self.framing
                    )),
                    false => Ok(framing),
                }
            })?;
        let books = BookConfig::of(table.description());
        let snapshots = self.services.iter().map(ServiceEntry::snapshots).find(|each| *each != Snapshots::None);
        let can_send_again = self
            .services
            .iter()
            .any(|each| matches!(each, ServiceEntry::Moldudp64 { .. } | ServiceEntry::GapProxy { .. }));
        Ok(ChannelConfig {
            name: self.session.as_deref().map(|name| session(&self.path, name)).transpose()?,
            books: Some(BookConfig {
                instruments: self.books.instruments.unwrap_or(books.instruments),
                orders: self.books.orders.unwrap_or(books.orders),
                levels: self.books.levels.unwrap_or(books.levels),
                ..books
            }),
            arbiter: ArbiterConfig {
                lines: self.lines.len(),
                window_packets: self.window_packets,
                window_ns: self.window_ns,
                held_packets: self.held_packets,
                packet_bytes: self.packet_bytes,
                waits_at_start: false,
            },
            silence_ns: self.silence_ns,
            recovery: RecoveryConfig {
                messages_limit: if can_send_again { self.messages_limit } else { 0 },
                snapshots: snapshots.unwrap_or_default(),
                retry_ns: self.retry_ns,
                ..RecoveryConfig::default()
            },
            ..ChannelConfig::new(framing)
        })
    }

    fn seat(&self, table: CheckedTable, clock: Clock) -> Result<(Seat, Option<Services>), String> {
        let config = self.config(table)?;
        let conversations: Vec<Box<dyn Conversation>> = self
            .services
            .iter()
            .map(ServiceEntry::conversation)
            .collect::<Result<_, _>>()
            .map_err(|error| within(&self.path, &format!("recovery: {error}")))?;
        let (client, services) = if conversations.is_empty() {
            (None, None)
        } else {
            let (client, server) = desk(ANSWERS);
            (Some(client), Some(Services { server, conversations }))
        };
        let channel =
            LiveChannel::new(table, &config, client, clock.now_ns()).map_err(|error| within(&self.path, &error))?;
        Ok((Seat::new(self.name.clone(), channel, self.joins()?), services))
    }
}

/// A session's name as frames have it.
fn session(path: &str, name: &str) -> Result<[u8; 16], String> {
    let mut session = [0; 16];
    match session.get_mut(..name.len()) {
        Some(into) if name.is_ascii() && !name.is_empty() => into.copy_from_slice(name.as_bytes()),
        _ => return Err(format!("{path}.session: {name:?} is not 1-16 ASCII characters")),
    }
    Ok(session)
}

impl PaceEntry {
    fn pace(&self) -> Pace {
        Pace {
            burst: self.burst,
            refill_ns: self.refill_ns,
            timeout_ns: self.timeout_ns,
            tries: self.tries,
            ..Pace::default()
        }
    }
}

impl LoginEntry {
    fn login(&self) -> CboeLogin {
        CboeLogin {
            session_sub_id: self.session_sub_id.clone(),
            username: self.username.clone(),
            password: self.password.clone(),
        }
    }
}

impl ServiceEntry {
    fn snapshots(&self) -> Snapshots {
        match self {
            Self::Glimpse { .. } | Self::Spin { .. } => Snapshots::Whole,
            Self::Loops { .. } => Snapshots::Loops,
            Self::Moldudp64 { .. } | Self::GapProxy { .. } => Snapshots::None,
        }
    }

    fn conversation(&self) -> std::io::Result<Box<dyn Conversation>> {
        let group = |interface: &Ipv4Addr| {
            let interface = *interface;
            move |address: &SocketAddrV4| Group { address: *address, interface }
        };
        Ok(match self {
            Self::Moldudp64 { servers, most_messages, pace } => Box::new(MoldRequests::new(MoldConfig {
                servers: servers.clone(),
                most_messages: *most_messages,
                pace: pace.pace(),
            })?),
            Self::Glimpse { servers, username, password, pace } => Box::new(Glimpse::new(GlimpseConfig {
                pace: pace.pace(),
                ..GlimpseConfig::new(servers.clone(), username, password)
            })),
            Self::GapProxy { servers, login, groups, interface, most_messages, silence_ns, pace } => {
                Box::new(GapProxy::new(GapProxyConfig {
                    servers: servers.clone(),
                    login: login.login(),
                    groups: groups.iter().map(group(interface)).collect(),
                    most_messages: *most_messages,
                    silence_ns: *silence_ns,
                    pace: pace.pace(),
                }))
            }
            Self::Spin { servers, login, silence_ns, pace } => Box::new(SpinServer::new(SpinConfig {
                servers: servers.clone(),
                login: login.login(),
                silence_ns: *silence_ns,
                pace: pace.pace(),
            })),
            Self::Loops { loops, interface, pace } => Box::new(SnapshotLoop::new(LoopConfig {
                loops: loops.iter().map(|each| each.iter().map(group(interface)).collect()).collect(),
                pace: pace.pace(),
            })),
        })
    }
}
