//! Waiting for packets without spinning.

use std::{io, os::fd::RawFd, thread, time::Duration};

use super::LiveSource;
use crate::SourceError;

/// How long a source that can only be polled is left alone.
const MOMENT: Duration = Duration::from_micros(50);

/// Descriptors that are waited on without allocating.
const FEW: usize = 32;

/// Waits on several sources at once: for a loop that has more than one.
#[derive(Debug)]
pub struct Waiter {
    descriptors: Vec<libc::pollfd>,
    /// Whether a source among them can only be polled.
    is_blind: bool,
}

impl Waiter {
    /// Waits on these. Later changes of a source's descriptors are not followed; sources here never change them.
    pub fn new(sources: &[&dyn LiveSource]) -> Self {
        let descriptors = sources.iter().flat_map(|source| source.descriptors()).map(|fd| pollfd(*fd)).collect();
        Self { descriptors, is_blind: sources.iter().any(|source| source.descriptors().is_empty()) }
    }

    /// Waits until one of the sources has packets, or until `timeout` is over; with a source that can only be polled among
    /// them, a moment.
    ///
    /// # Errors
    ///
    /// [`SourceError::Live`] where the system refuses to wait.
    pub fn wait(&mut self, timeout: Duration) -> Result<(), SourceError> {
        if self.is_blind {
            thread::sleep(MOMENT.min(timeout));
            return Ok(());
        }
        poll(&mut self.descriptors, timeout)
    }
}

/// Waits on one source.
pub(super) fn wait(descriptors: &[RawFd], timeout: Duration) -> Result<(), SourceError> {
    match descriptors {
        [] => {
            thread::sleep(MOMENT.min(timeout));
            Ok(())
        }
        few if few.len() <= FEW => {
            let mut room = [pollfd(-1); FEW];
            room.iter_mut().zip(few).for_each(|(place, fd)| *place = pollfd(*fd));
            poll(&mut room[..few.len()], timeout)
        }
        several => poll(&mut several.iter().map(|fd| pollfd(*fd)).collect::<Vec<_>>(), timeout),
    }
}

fn pollfd(fd: RawFd) -> libc::pollfd {
    libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
}

fn poll(descriptors: &mut [libc::pollfd], timeout: Duration) -> Result<(), SourceError> {
    let limit = libc::timespec {
        tv_sec: timeout.as_secs().min(86_400) as libc::time_t,
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // SAFETY: pointer and count are those of a slice that lives through the call, and the time outlives it too.
    let result = unsafe {
        libc::ppoll(descriptors.as_mut_ptr(), descriptors.len() as libc::nfds_t, &raw const limit, std::ptr::null())
    };
    if result >= 0 {
        return Ok(());
    }
    match io::Error::last_os_error() {
        // A signal: the caller looks around anyway.
        error if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        error => Err(SourceError::Live {
            what: "waiting for packets".into(),
            error,
            remedy: "spin instead of blocking, and report this".into(),
        }),
    }
}
