//! Loops on threads of their own.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use wirebook_book::BookReader;

use super::{
    core,
    driver::{Clock, LiveLoop, LoopReport, Seat},
    report::{ChannelReport, ChannelStatus},
};

/// A loop and where it is to run.
#[derive(Debug)]
pub struct LoopPlan {
    /// What its thread is called.
    pub name: String,
    /// The core that it has for itself; `None`: wherever the system puts it.
    pub core: Option<usize>,
    /// The loop.
    pub driver: LiveLoop,
}

/// A channel as other threads see it.
#[derive(Clone, Debug)]
pub struct ChannelView {
    /// What it is called.
    pub name: String,
    /// Index of its loop.
    pub at_loop: usize,
    /// Best levels of its instruments.
    pub reader: BookReader,
    /// Counts and times.
    pub report: Arc<ChannelReport>,
}

/// A loop as other threads see it.
#[derive(Clone, Debug)]
pub struct LoopView {
    /// What its thread is called.
    pub name: String,
    /// The core that it is bound to.
    pub core: Option<usize>,
    /// Counts.
    pub report: Arc<LoopReport>,
}

/// What a loop left.
#[derive(Debug)]
pub struct Finished {
    /// Its channels, with everything that was received in their books.
    pub seats: Vec<Seat>,
    /// What went wrong with its sources.
    pub errors: Vec<String>,
}

struct Running {
    thread: JoinHandle<Finished>,
    name: String,
}

/// Every loop of a process.
pub struct LiveEngine {
    running: Vec<Running>,
    stop: Arc<AtomicBool>,
    clock: Clock,
    channels: Vec<ChannelView>,
    loops: Vec<LoopView>,
    notes: Vec<String>,
}

impl LiveEngine {
    /// Starts every loop on a thread of its own. A core that a thread cannot be bound to is a note, and the loop works all the
    /// same.
    ///
    /// # Errors
    ///
    /// What the system says where it gives no thread; loops that were started are stopped again.
    pub fn start(plans: Vec<LoopPlan>, clock: Clock) -> io::Result<Self> {
        let mut engine = Self {
            running: Vec::new(),
            stop: Arc::default(),
            clock,
            channels: Vec::new(),
            loops: Vec::new(),
            notes: Vec::new(),
        };
        for plan in plans {
            engine.launch(plan)?;
        }
        Ok(engine)
    }

    fn launch(&mut self, plan: LoopPlan) -> io::Result<()> {
        let LoopPlan { name, core, mut driver } = plan;
        let at_loop = self.loops.len();
        self.channels.extend(driver.seats().iter().map(|seat| ChannelView {
            name: seat.name.clone(),
            at_loop,
            reader: seat.channel.pipeline().books().reader(),
            report: Arc::clone(&seat.report),
        }));
        let report = driver.report();
        let stop = Arc::clone(&self.stop);
        let (sender, pinned) = mpsc::channel();
        let thread = thread::Builder::new().name(name.clone()).spawn(move || {
            // Nobody hears it where starting has failed meanwhile.
            let _ = sender.send(core.map(core::pin));
            driver.run(&stop);
            let (seats, errors) = driver.finish();
            Finished { seats, errors }
        })?;
        let core = match pinned.recv() {
            Ok(Some(Err(error))) => {
                self.notes.push(format!(
                    "{name}: not bound to core {}: {error}; the system may move it, which costs microseconds each time",
                    core.unwrap_or_default()
                ));
                None
            }
            _ => core,
        };
        self.loops.push(LoopView { name: name.clone(), core, report });
        self.running.push(Running { thread, name });
        Ok(())
    }

    /// The channels.
    pub fn channels(&self) -> &[ChannelView] {
        &self.channels
    }

    /// The loops.
    pub fn loops(&self) -> &[LoopView] {
        &self.loops
    }

    /// What the machine did not grant, and what that costs.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The clock that channels' times are by.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// What each channel last said of itself.
    pub fn statuses(&self) -> Vec<ChannelStatus> {
        self.channels.iter().map(|channel| channel.report.status()).collect()
    }

    /// Whether this loop has ended: none of its sources could go on, or something in it failed.
    pub fn has_ended(&self, at: usize) -> bool {
        self.running.get(at).is_none_or(|running| running.thread.is_finished())
    }

    /// Stops every loop, once what it has received is applied, and gives what they left, in their order.
    pub fn stop(mut self) -> Vec<Finished> {
        self.stop.store(true, Ordering::Relaxed);
        let finish = |running: Running| {
            running.thread.join().unwrap_or_else(|_| Finished {
                seats: Vec::new(),
                errors: vec![format!("{}: the loop panicked; its books are gone", running.name)],
            })
        };
        std::mem::take(&mut self.running).into_iter().map(finish).collect()
    }
}

impl Drop for LiveEngine {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for running in self.running.drain(..) {
            // What it left is not wanted.
            let _ = running.thread.join();
        }
    }
}

impl std::fmt::Debug for LiveEngine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LiveEngine").field("loops", &self.loops).finish_non_exhaustive()
    }
}
