//! The thread on which every conversation of a process runs.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    conversation::{Conversation, Counters, Outbox},
    desk::Server,
    want::{Answer, Refusal, Want},
};

/// How long the thread sleeps where nothing happened.
const IDLE: Duration = Duration::from_micros(500);

/// Rounds between two reports.
const REPORT: u32 = 64;

/// A channel's services.
pub struct Services {
    /// The desk at which the channel asks.
    pub server: Server,
    /// Who is asked: of those that can, the first one.
    pub conversations: Vec<Box<dyn Conversation>>,
}

/// What the conversations of a channel did.
pub type Report = Vec<(&'static str, Counters)>;

/// The recovery thread. It ends with this handle.
#[derive(Debug)]
pub struct RecoveryThread {
    stops: Arc<AtomicBool>,
    reports: Arc<Mutex<Vec<Report>>>,
    thread: Option<JoinHandle<()>>,
}

impl RecoveryThread {
    /// Starts it for these channels.
    ///
    /// # Errors
    ///
    /// Those of the system, where it gives no thread.
    pub fn start(channels: Vec<Services>) -> io::Result<Self> {
        let stops = Arc::new(AtomicBool::new(false));
        let reports = Arc::new(Mutex::new(Vec::new()));
        let (stop, report) = (Arc::clone(&stops), Arc::clone(&reports));
        let thread = thread::Builder::new().name("recovery".into()).spawn(move || run(channels, &stop, &report))?;
        Ok(Self { stops, reports, thread: Some(thread) })
    }

    /// What the conversations did, by channel in the order given; as of some milliseconds ago.
    pub fn reports(&self) -> Vec<Report> {
        self.reports.lock().map(|reports| reports.clone()).unwrap_or_default()
    }
}

impl Drop for RecoveryThread {
    fn drop(&mut self) {
        // Nothing is published by it: the thread needs to see it some time.
        self.stops.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A conversation that panicked took only this thread down; channels see that nobody answers.
            let _ = thread.join();
        }
    }
}

fn run(mut channels: Vec<Services>, stops: &AtomicBool, reports: &Mutex<Vec<Report>>) {
    let start = Instant::now();
    let mut round = 0_u32;
    while !stops.load(Ordering::Relaxed) {
        let now_ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let mut is_busy = false;
        for channel in &mut channels {
            is_busy |= channel.poll(now_ns);
        }
        if round.is_multiple_of(REPORT)
            && let Ok(mut reports) = reports.lock()
        {
            *reports = channels.iter().map(Services::report).collect();
        }
        round = round.wrapping_add(1);
        if !is_busy {
            thread::sleep(IDLE);
        }
    }
}

impl Services {
    /// Takes what the channel wants, and lets each conversation do what there is to do; says whether any answered. The thread
    /// calls it; a test may do so itself, with a clock of its own.
    pub fn poll(&mut self, now_ns: u64) -> bool {
        while let Some(want) = self.server.want() {
            self.ask(want, now_ns);
        }
        let room = self.server.room();
        for conversation in &mut self.conversations {
            conversation.poll(now_ns, &mut Outbox::new(&mut self.server));
        }
        self.server.room() != room
    }

    fn ask(&mut self, want: Want, now_ns: u64) {
        if want == Want::Cancel {
            self.conversations.iter_mut().for_each(|conversation| conversation.ask(want, now_ns));
            return;
        }
        match self.conversations.iter_mut().find(|conversation| conversation.can(&want)) {
            Some(conversation) => conversation.ask(want, now_ns),
            // A full queue has answers that matter more; the channel asks again when it has taken them.
            None => drop(self.server.answer(Answer::Refused(Refusal::NoService))),
        }
    }

    fn report(&self) -> Report {
        self.conversations.iter().map(|conversation| (conversation.service(), conversation.counters())).collect()
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let services: Vec<_> = self.conversations.iter().map(|conversation| conversation.service()).collect();
        formatter.debug_struct("Services").field("conversations", &services).finish_non_exhaustive()
    }
}
