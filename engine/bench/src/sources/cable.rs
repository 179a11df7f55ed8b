//! Two network namespaces and a veth pair between them: a network of one's own, which nobody outside sees.
//!
//! Nothing is left behind: a namespace ends with the last descriptor or thread in it, and takes its interfaces along.

use std::{
    fs::File,
    io,
    os::fd::AsRawFd,
    process::{self, Command},
    thread,
};

/// A network namespace.
#[derive(Debug)]
pub struct Namespace(File);

impl Namespace {
    /// A new one, with nothing in it but a loopback interface that is down. Needs root.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn new() -> io::Result<Self> {
        // A thread that leaves its namespace cannot be trusted with anything else.
        let made = thread::spawn(|| {
            // SAFETY: no memory is passed; the call changes the namespace of this thread alone.
            match unsafe { libc::unshare(libc::CLONE_NEWNET) } {
                0 => File::open("/proc/thread-self/ns/net").map(Self),
                _ => Err(io::Error::last_os_error()),
            }
        });
        made.join().unwrap_or_else(|_| Err(io::Error::other("the thread that makes a namespace panicked")))
    }

    /// Takes the calling thread into it, for good.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn enter(&self) -> io::Result<()> {
        // SAFETY: no memory is passed, and the descriptor is open.
        match unsafe { libc::setns(self.0.as_raw_fd(), libc::CLONE_NEWNET) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Runs something in it, on a thread of its own.
    ///
    /// # Errors
    ///
    /// Where the namespace cannot be entered.
    ///
    /// # Panics
    ///
    /// As `work` does.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        thread::scope(|scope| {
            let result = scope.spawn(|| self.enter().map(|()| work())).join();
            result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn path(&self) -> String {
        format!("/proc/{}/fd/{}", process::id(), self.0.as_raw_fd())
    }

    /// Runs `ip` in it.
    fn ip(&self, arguments: &str) -> io::Result<()> {
        self.run(|| {
            let output = Command::new("ip").args(arguments.split_whitespace()).output()?;
            match output.status.success() {
                true => Ok(()),
                false => Err(io::Error::other(format!("ip {arguments}: {}", String::from_utf8_lossy(&output.stderr)))),
            }
        })?
    }
}

/// A namespace that sends, one that receives, and the cable between them.
#[derive(Debug)]
pub struct Cable {
    /// Here is [`Cable::SENDER`], with [`Cable::SENDER_ADDRESS`] and the route to all multicast groups.
    pub sender: Namespace,
    /// Here is [`Cable::RECEIVER`], with [`Cable::RECEIVER_ADDRESS`].
    pub receiver: Namespace,
}

impl Cable {
    /// Interface of the sender.
    pub const SENDER: &str = "wbtx";
    /// Address of the sender.
    pub const SENDER_ADDRESS: &str = "10.79.0.1";
    /// Interface of the receiver, with one queue.
    pub const RECEIVER: &str = "wbrx";
    /// Address of the receiver.
    pub const RECEIVER_ADDRESS: &str = "10.79.0.2";

    /// Lays one. Needs root and the `ip` command.
    ///
    /// # Errors
    ///
    /// What the system or `ip` said.
    pub fn lay() -> io::Result<Self> {
        let (sender, receiver) = (Namespace::new()?, Namespace::new()?);
        let (tx, rx) = (Self::SENDER, Self::RECEIVER);
        sender.ip(&format!(
            "link add {tx} numtxqueues 1 numrxqueues 1 type veth peer name {rx} numtxqueues 1 numrxqueues 1"
        ))?;
        sender.ip(&format!("link set {rx} netns {}", receiver.path()))?;
        for (namespace, name, address) in [(&sender, tx, Self::SENDER_ADDRESS), (&receiver, rx, Self::RECEIVER_ADDRESS)]
        {
            // Without IPv6 nothing is on the cable but what the test sends, and IGMP.
            namespace.run(|| std::fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"))?.ok();
            namespace.ip(&format!("address add {address}/24 dev {name}"))?;
            namespace.ip("link set lo up")?;
            namespace.ip(&format!("link set {name} up"))?;
        }
        sender.ip(&format!("route add 224.0.0.0/4 dev {tx}"))?;
        Ok(Self { sender, receiver })
    }
}
