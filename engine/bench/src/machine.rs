//! The machine underneath: cores, pages, memory.

use std::{fs, io, mem};

use serde::Serialize;

use crate::BenchError;

/// What the figures were taken on.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor, by its own name.
    pub cpu: String,
    /// Cores that the process may use.
    pub cores: usize,
    /// Operating system and its version.
    pub system: String,
    /// Transparent huge pages: the system's setting.
    pub huge_pages: String,
    /// Average load of the last minute when the bench began: above 0, others share the machine.
    pub load: f64,
}

impl Machine {
    /// Looks at this machine.
    pub fn look() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let cpu = text("/proc/cpuinfo");
        let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
        let modes = text("/sys/kernel/mm/transparent_hugepage/enabled");
        Self {
            cpu: cpu.trim_start_matches([' ', '\t', ':']).to_owned(),
            cores: allowed_cores().len(),
            system: format!("{} {}", std::env::consts::OS, text("/proc/sys/kernel/osrelease").trim()),
            huge_pages: modes.split(['[', ']']).nth(1).unwrap_or("unknown").to_owned(),
            load: text("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0),
        }
    }
}

/// Cores that this thread may use.
pub(crate) fn allowed_cores() -> Vec<usize> {
    let set = affinity();
    // SAFETY: the set was filled by the system, and every index is below its size.
    (0..libc::CPU_SETSIZE as usize).filter(|core| unsafe { libc::CPU_ISSET(*core, &set) }).collect()
}

fn affinity() -> libc::cpu_set_t {
    // SAFETY: a set of zero bytes is the empty set.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: the pointer is to a set of ours, of the size given. A failure leaves it empty.
    unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) };
    set
}

/// Binds this thread to a core for as long as it lives; after that it may go where it could before.
#[derive(Debug)]
pub(crate) struct Pinned {
    before: libc::cpu_set_t,
}

impl Pinned {
    pub fn to(core: usize) -> Result<Self, BenchError> {
        let before = affinity();
        // SAFETY: a set of zero bytes is the empty set.
        let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
        if core < libc::CPU_SETSIZE as usize {
            // SAFETY: the index is below the set's size.
            unsafe { libc::CPU_SET(core, &mut set) };
        }
        // SAFETY: the pointer is to a set of ours, of the size given.
        match unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set) } {
            0 => Ok(Self { before }),
            _ => Err(BenchError::Pin { core, source: io::Error::last_os_error() }),
        }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // SAFETY: as above. Should it fail, the thread stays where it is, which harms nobody.
        unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &self.before) };
    }
}

/// The whole pages within a region of memory, as the system wants them.
fn pages((address, size): (usize, usize)) -> Option<(*mut libc::c_void, usize)> {
    // SAFETY: asks for a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    let first = address.next_multiple_of(page);
    let end = (address + size) / page * page;
    (end > first).then_some((first as *mut libc::c_void, end - first))
}

/// Asks the system for huge pages under each region (address and bytes). Advice: what it cannot do it leaves.
pub fn advise_huge_pages(regions: &[(usize, usize)]) {
    for (first, size) in regions.iter().filter_map(|region| pages(*region)) {
        // SAFETY: this advice changes no contents, and fails where the range is not mapped.
        unsafe { libc::madvise(first, size, libc::MADV_HUGEPAGE) };
    }
}

/// Has the system give memory to each region (address and bytes) now, and not when it is first written.
pub fn prefault(regions: &[(usize, usize)]) {
    for (first, size) in regions.iter().filter_map(|region| pages(*region)) {
        // SAFETY: as above. Before Linux 5.14 it fails, and memory comes when it is written.
        unsafe { libc::madvise(first, size, libc::MADV_POPULATE_WRITE) };
    }
}

/// Memory of this process that is in RAM, in units of 10^6 bytes.
pub(crate) fn resident_mb() -> f64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(f64::NAN);
    // SAFETY: asks for a number.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pinned_thread_may_use_one_core_and_all_of_them_after() {
        let before = allowed_cores();
        let last = *before.last().expect("it runs somewhere");
        let pinned = Pinned::to(last).expect("the core is allowed");
        assert_eq!(allowed_cores(), [last]);
        drop(pinned);
        assert_eq!(allowed_cores(), before);
        assert!(matches!(Pinned::to(1 << 20), Err(BenchError::Pin { core: 1_048_576, .. })));
    }

    #[test]
    fn prefault_makes_memory_resident() {
        let size = 64 << 20;
        let memory: Vec<u8> = Vec::with_capacity(size);
        let before = resident_mb();
        prefault(&[(memory.as_ptr() as usize, size)]);
        assert!(resident_mb() - before > 50.0, "{before} MB before, {} MB after", resident_mb());
    }
}
