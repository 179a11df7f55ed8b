//! Conversations with venues' recovery services: what was missed is asked for again, or the state of all books fetched.
//!
//! A channel on a hot core knows none of this. It [asks](Client::ask) for a [`Want`] and takes [`Answer`]s out of a bounded
//! queue between its bursts. On the other side one [`RecoveryThread`] polls the sockets of every channel's [`Conversation`]s:
//! state machines that keep their venue's rules, its limits, and a [`Budget`] of requests that no trouble can exceed.
//!
//! | service | conversation | answers a want of |
//! |---|---|---|
//! | MoldUDP64 request server | [`MoldRequests`] | messages |
//! | GLIMPSE over SoupBinTCP | [`Glimpse`] | a snapshot |
//! | Cboe gap request proxy | [`GapProxy`] | messages |
//! | Cboe spin server | [`SpinServer`] | a snapshot |
//! | CME and B3 snapshot loops | [`SnapshotLoop`] | a snapshot, instrument by instrument |

mod budget;
mod cboe;
mod conversation;
mod datagrams;
mod desk;
mod gap_proxy;
mod glimpse;
mod link;
mod mold;
mod snapshot_loop;
mod spin;
mod thread;
mod want;

pub use budget::{Backoff, Budget, Pace};
pub use cboe::CboeLogin;
pub use conversation::{Conversation, Counters, Outbox};
pub use datagrams::Group;
pub use desk::{Client, Server, desk};
pub use gap_proxy::{GapProxy, GapProxyConfig};
pub use glimpse::{Glimpse, GlimpseConfig};
pub use mold::{MoldConfig, MoldRequests};
pub use snapshot_loop::{LoopConfig, SnapshotLoop};
pub use spin::{SpinConfig, SpinServer};
pub use thread::{RecoveryThread, Report, Services};
pub use want::{Answer, Refusal, Want};
