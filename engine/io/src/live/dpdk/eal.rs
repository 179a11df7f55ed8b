//! DPDK itself: it starts once a process.

use std::{
    ffi::{CStr, CString, c_int},
    io,
    sync::{Mutex, PoisonError},
    thread,
};

use wirebook_dpdk_sys::Table;

use crate::{
    SourceError,
    live::{DpdkMemory, config::wrong},
};

/// DPDK, started. Whoever holds this may open ports.
#[derive(Clone, Copy, Debug)]
pub struct Eal {
    pub(super) table: &'static Table,
    memory: DpdkMemory,
}

/// What became of the start. There is no second one: what failed once fails for the life of the process.
static STARTED: Mutex<Option<(DpdkMemory, Result<Eal, String>)>> = Mutex::new(None);

impl Eal {
    /// DPDK with this memory: started now, or before with the same.
    ///
    /// # Errors
    ///
    /// [`SourceError::Unavailable`] where libdpdk is not there, [`SourceError::Config`] where DPDK runs with other memory, and
    /// [`SourceError::Live`] where it does not start.
    pub fn start(memory: DpdkMemory) -> Result<Self, SourceError> {
        let mut started = STARTED.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, result) = match &mut *started {
            Some(there) => there,
            none => none.insert((memory, start(table()?, memory))),
        };
        if !serves(*first, memory) {
            let found = format!("{memory:?} is asked for, and DPDK runs in this process with {first:?}");
            return Err(wrong("dpdk.memory", &found, "give every DPDK source of a process the same memory"));
        }
        result.clone().map_err(|reason| SourceError::Live {
            what: "starting DPDK".into(),
            error: io::Error::other(reason),
            remedy: remedy(memory).into(),
        })
    }

    /// The memory that it was started with.
    pub fn memory(&self) -> DpdkMemory {
        self.memory
    }

    /// What a call of DPDK's came to.
    pub(super) fn check(&self, what: impl FnOnce() -> String, code: c_int, remedy: &str) -> Result<(), SourceError> {
        match code {
            0 => Ok(()),
            code => Err(SourceError::Live { what: what(), error: error(self.table, code), remedy: remedy.into() }),
        }
    }
}

/// Whether memory of the first kind does for who asks for the second.
fn serves(first: DpdkMemory, asked: DpdkMemory) -> bool {
    match (first, asked) {
        (DpdkMemory::HugePages, DpdkMemory::HugePages) => true,
        (DpdkMemory::Ordinary { megabytes: there }, DpdkMemory::Ordinary { megabytes }) => megabytes <= there,
        _ => false,
    }
}

/// Version of the libdpdk that is installed.
///
/// # Errors
///
/// [`SourceError::Unavailable`] where there is none that this build can use.
pub fn release() -> Result<String, SourceError> {
    let table = table()?;
    // SAFETY: may be called at any time, and gives a static text.
    Ok(unsafe { CStr::from_ptr((table.release)()) }.to_string_lossy().into_owned())
}

fn table() -> Result<&'static Table, SourceError> {
    wirebook_dpdk_sys::load().map_err(|reason| SourceError::Unavailable {
        what: "dpdk".into(),
        reason: reason.into(),
        remedy: if reason.contains("headers were not there") {
            "install libdpdk-dev and build wirebook again, or take another source".into()
        } else {
            "install the libdpdk that wirebook was built with (apt-get install libdpdk-dev), or take another source"
                .into()
        },
    })
}

fn remedy(memory: DpdkMemory) -> &'static str {
    match memory {
        DpdkMemory::HugePages => {
            "reserve huge pages (echo 512 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages, as root), or choose \
             ordinary memory for virtual devices; then start the process again"
        }
        DpdkMemory::Ordinary { .. } => "take less memory, or allow the process more (ulimit -l); then start it again",
    }
}

fn error(table: &Table, code: c_int) -> io::Error {
    // SAFETY: may be called at any time; the text is this thread's until its next call.
    let text = unsafe { CStr::from_ptr((table.error)(code)) }.to_string_lossy().into_owned();
    io::Error::other(text)
}

/// Arguments of DPDK's start. Nothing is left to its own choice or its second try: without huge pages it would look for them,
/// fail, and could not be started again.
fn arguments(memory: DpdkMemory, core: usize) -> Vec<String> {
    // One thread of DPDK's own, which sleeps, and no message below an error.
    let mut arguments = vec!["wirebook".into(), format!("--lcores=0@{core}"), "--log-level=error".into()];
    arguments.extend(match memory {
        // Cards are plugged in one by one, as sources name them: no card has this address.
        DpdkMemory::HugePages => {
            ["--in-memory", "--iova-mode=va", "--no-telemetry", "--allow=ffff:ff:1f.7"].map(Into::into)
        }
        DpdkMemory::Ordinary { .. } => ["--no-pci", "--no-huge", "--no-shconf", "--no-telemetry"].map(Into::into),
    });
    if let DpdkMemory::Ordinary { megabytes } = memory {
        arguments.extend(["-m".into(), megabytes.to_string()]);
    }
    arguments
}

/// Starts DPDK. The thread that does so is bound to one core for good, so it is one that ends.
fn start(table: &'static Table, memory: DpdkMemory) -> Result<Eal, String> {
    let work = move || {
        let arguments: Vec<CString> = arguments(memory, first_core())
            .into_iter()
            .map(|argument| CString::new(argument).expect("they are written without zero bytes"))
            .collect();
        let mut pointers: Vec<_> = arguments.iter().map(|argument| argument.as_ptr().cast_mut()).collect();
        pointers.push(std::ptr::null_mut());
        // DPDK keeps some of the texts, and reorders the pointers.
        std::mem::forget(arguments);
        // SAFETY: count and pointers are those of texts that live for ever, with a null behind them; nobody started DPDK
        // before, which the lock around this call sees to.
        match unsafe { (table.start)(pointers.len() as c_int - 1, pointers.as_mut_ptr()) } {
            0 => Ok(Eal { table, memory }),
            code => Err(error(table, code).to_string()),
        }
    };
    let thread = thread::Builder::new().name("dpdk-start".into()).spawn(work).map_err(|error| error.to_string())?;
    thread.join().unwrap_or_else(|_| Err("the thread that starts it panicked".into()))
}

/// The first core that this thread may run on.
fn first_core() -> usize {
    // SAFETY: an empty set is all zero bytes, and the call writes no more than the set's size.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set);
        set
    };
    // SAFETY: the index is within the set.
    (0..libc::CPU_SETSIZE as usize).find(|core| unsafe { libc::CPU_ISSET(*core, &set) }).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_chosen_before_the_start_and_never_left_open() {
        let ordinary = arguments(DpdkMemory::Ordinary { megabytes: 64 }, 3);
        assert!(ordinary.ends_with(&["-m".into(), "64".into()]) && ordinary.contains(&"--no-huge".into()));
        let huge = arguments(DpdkMemory::HugePages, 0);
        assert!(huge.contains(&"--in-memory".into()) && !huge.contains(&"--no-huge".into()));
    }

    #[test]
    fn later_sources_take_the_memory_that_is_there() {
        let ordinary = |megabytes| DpdkMemory::Ordinary { megabytes };
        assert!(serves(ordinary(128), ordinary(64)) && serves(DpdkMemory::HugePages, DpdkMemory::HugePages));
        assert!(!serves(ordinary(64), ordinary(128)) && !serves(DpdkMemory::HugePages, ordinary(1)));
    }
}
