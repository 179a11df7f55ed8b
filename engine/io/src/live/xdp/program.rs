//! The XDP program of an interface: packets of the joined groups go to the AF_XDP socket of their queue, the rest goes its
//! usual way.
//!
//! It is some forty instructions, written here one by one: a compiler for them would be one more thing to install, and they
//! need nothing that differs between kernels.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::{
    super::Join,
    bpf::{self, Instruction, MapKind},
};

/// Groups and ports that all sources of an interface join together.
const JOIN_LIMIT: u32 = 4096;
/// Queues of an interface.
const QUEUE_LIMIT: u32 = 1024;

/// Where in the receive path the program runs; the kernel's flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Place {
    /// Behind the kernel's own handling of the frame.
    Generic = 2,
    /// In the driver.
    Driver = 4,
}

/// A program on an interface, for as long as one of its sources lives.
#[derive(Debug)]
pub struct Program {
    joins: OwnedFd,
    sockets: OwnedFd,
    place: Place,
    _program: OwnedFd,
    link: OwnedFd,
}

/// What tells interfaces apart, whose indices count anew in each network namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    namespace: u64,
    interface: u32,
}

/// Programs of this process. The kernel takes one an interface, and sources of several queues share it.
static PROGRAMS: Mutex<Vec<(Identity, Weak<Program>)>> = Mutex::new(Vec::new());

/// A group and port as they stand in a packet.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Key {
    address: [u8; 4],
    port: [u8; 2],
    zero: [u8; 2],
}

impl Program {
    /// The interface's program, which is attached now if this process has none there.
    pub fn on(interface: u32, place: Place) -> io::Result<Arc<Self>> {
        let identity = Identity { namespace: namespace()?, interface };
        let mut programs = PROGRAMS.lock().unwrap_or_else(PoisonError::into_inner);
        programs.retain(|(_, program)| program.strong_count() > 0);
        let there = programs.iter().find(|(other, _)| *other == identity).and_then(|(_, program)| program.upgrade());
        if let Some(program) = there {
            return match program.place == place {
                true => Ok(program),
                false => Err(io::Error::from_raw_os_error(libc::EBUSY)),
            };
        }
        let program = Arc::new(Self::attach(interface, place)?);
        programs.push((identity, Arc::downgrade(&program)));
        Ok(program)
    }

    fn attach(interface: u32, place: Place) -> io::Result<Self> {
        let joins = bpf::map(MapKind::Hash, size_of::<Key>(), JOIN_LIMIT)?;
        let sockets = bpf::map(MapKind::Xsk, size_of::<u32>(), QUEUE_LIMIT)?;
        let program = bpf::load(&instructions(joins.as_raw_fd(), sockets.as_raw_fd()))?;
        let link = bpf::attach(&program, interface, place as u32)?;
        Ok(Self { joins, sockets, place, _program: program, link })
    }

    /// Sends packets of these groups to the sockets of their queues.
    pub fn redirect(&self, joins: &[Join]) -> io::Result<()> {
        joins.iter().try_for_each(|join| {
            let key = Key { address: join.address.octets(), port: join.port.to_be_bytes(), zero: [0; 2] };
            bpf::update(&self.joins, &key, 1)
        })
    }

    /// Names the socket of a queue. It is taken out when it is closed.
    pub fn receive(&self, queue: u32, socket: RawFd) -> io::Result<()> {
        bpf::update(&self.sockets, &queue, socket as u32)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Closing the descriptor is not enough while a child that was just forked has a copy of it. Where the kernel cannot
        // detach (before Linux 5.9, or when the interface is gone), closing does it.
        let _ = bpf::detach(&self.link);
    }
}

/// The network namespace of the calling thread.
fn namespace() -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/thread-self/ns/net").map(|file| file.ino())
}

const XDP_PASS: i32 = 2;

/// The program for these two maps.
fn instructions(joins: RawFd, sockets: RawFd) -> Vec<Instruction> {
    // Offsets of an Ethernet frame with IPv4 and UDP, and the fields of the program's argument.
    const ETHER_TYPE: i16 = 12;
    const IP: i16 = 14;
    const HEADERS: i32 = 42;
    const TAG: i32 = 4;
    const DATA: i16 = 0;
    const DATA_END: i16 = 4;
    const QUEUE: i16 = 16;
    const LOOK_UP: i32 = 1;
    const REDIRECT: i32 = 51;
    // A number of two bytes as the program loads it from the packet.
    let network = |value: u16| i32::from(u16::from_ne_bytes(value.to_be_bytes()));

    let mut code = Assembly::default();
    code.copy(6, 1);
    code.load(Width::Four, 2, 1, DATA);
    code.load(Width::Four, 3, 1, DATA_END);
    // Every header is there, and the frame is IPv4 or has one VLAN tag before it.
    code.pass_unless_within(HEADERS);
    code.load(Width::Two, 5, 2, ETHER_TYPE);
    code.jump_if_equal(5, network(0x0800), Label::Ip);
    code.jump_if_not_equal(5, network(0x8100), Label::Pass);
    code.add(2, TAG);
    code.pass_unless_within(HEADERS);
    code.load(Width::Two, 5, 2, ETHER_TYPE);
    code.jump_if_not_equal(5, network(0x0800), Label::Pass);
    code.label(Label::Ip);
    // No IP options, whole, and UDP.
    code.load(Width::One, 5, 2, IP);
    code.jump_if_not_equal(5, 0x45, Label::Pass);
    code.load(Width::Two, 5, 2, IP + 6);
    code.and(5, network(0x3fff));
    code.jump_if_not_equal(5, 0, Label::Pass);
    code.load(Width::One, 5, 2, IP + 9);
    code.jump_if_not_equal(5, 17, Label::Pass);
    // Destination and port make the key.
    code.load(Width::Four, 5, 2, IP + 16);
    code.store(Width::Four, 10, 5, -8);
    code.load(Width::Two, 5, 2, IP + 20 + 2);
    code.store(Width::Four, 10, 5, -4);
    code.map(1, joins);
    code.copy(2, 10);
    code.add(2, -8);
    code.call(LOOK_UP);
    code.jump_if_equal(0, 0, Label::Pass);
    // To the queue's socket; where it has none, on its way.
    code.map(1, sockets);
    code.load(Width::Four, 2, 6, QUEUE);
    code.set(3, XDP_PASS);
    code.call(REDIRECT);
    code.exit();
    code.label(Label::Pass);
    code.set(0, XDP_PASS);
    code.exit();
    code.finish()
}

/// Places that jumps lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Ip,
    Pass,
}

/// Sizes of loads and stores; the values are the instruction set's.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
enum Width {
    Four = 0x00,
    Two = 0x08,
    One = 0x10,
}

/// Instructions, and jumps that do not know yet how far they go. Numbers are those of the instruction set (RFC 9669).
#[derive(Debug, Default)]
struct Assembly {
    code: Vec<Instruction>,
    labels: Vec<(Label, usize)>,
    jumps: Vec<(Label, usize)>,
}

impl Assembly {
    fn push(&mut self, code: u8, to: u8, from: u8, offset: i16, immediate: i32) {
        self.code.push(Instruction { code, registers: from << 4 | to, offset, immediate });
    }

    fn copy(&mut self, to: u8, from: u8) {
        self.push(0xbf, to, from, 0, 0);
    }

    fn set(&mut self, to: u8, value: i32) {
        self.push(0xb7, to, 0, 0, value);
    }

    fn add(&mut self, to: u8, value: i32) {
        self.push(0x07, to, 0, 0, value);
    }

    fn and(&mut self, to: u8, value: i32) {
        self.push(0x57, to, 0, 0, value);
    }

    fn load(&mut self, width: Width, to: u8, from: u8, offset: i16) {
        self.push(0x61 | width as u8, to, from, offset, 0);
    }

    fn store(&mut self, width: Width, to: u8, from: u8, offset: i16) {
        self.push(0x63 | width as u8, to, from, offset, 0);
    }

    fn jump(&mut self, code: u8, register: u8, value: u8, immediate: i32, label: Label) {
        self.jumps.push((label, self.code.len()));
        self.push(code, register, value, 0, immediate);
    }

    fn jump_if_equal(&mut self, register: u8, value: i32, label: Label) {
        self.jump(0x15, register, 0, value, label);
    }

    fn jump_if_not_equal(&mut self, register: u8, value: i32, label: Label) {
        self.jump(0x55, register, 0, value, label);
    }

    /// Leaves a frame alone that has fewer bytes behind register 2 than `size`; its end is in register 3.
    fn pass_unless_within(&mut self, size: i32) {
        self.copy(4, 2);
        self.add(4, size);
        self.jump(0x2d, 4, 3, 0, Label::Pass);
    }

    /// Loads a map by its descriptor, in the two instructions that 64 bits take.
    fn map(&mut self, to: u8, map: RawFd) {
        const BY_DESCRIPTOR: u8 = 1;
        self.push(0x18, to, BY_DESCRIPTOR, 0, map);
        self.push(0, 0, 0, 0, 0);
    }

    fn call(&mut self, function: i32) {
        self.push(0x85, 0, 0, 0, function);
    }

    fn exit(&mut self) {
        self.push(0x95, 0, 0, 0, 0);
    }

    fn label(&mut self, label: Label) {
        self.labels.push((label, self.code.len()));
    }

    /// The instructions, with every jump's distance.
    fn finish(mut self) -> Vec<Instruction> {
        for (label, at) in self.jumps {
            let target = self.labels.iter().find(|(other, _)| *other == label).map_or(at + 1, |(_, target)| *target);
            self.code[at].offset = (target - at - 1) as i16;
        }
        self.code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_jump_leads_to_a_label_ahead() {
        let code = instructions(3, 4);
        let ends = [code.len() - 2, code.iter().position(|each| each.immediate == 0x45).unwrap() - 1];
        let jumps: Vec<_> =
            code.iter().enumerate().filter(|(_, each)| matches!(each.code, 0x15 | 0x55 | 0x2d)).collect();
        assert_eq!(jumps.len(), 9);
        for (at, jump) in jumps {
            assert!(ends.contains(&(at + 1 + jump.offset as usize)), "{at}: {jump:?}");
        }
    }
}
