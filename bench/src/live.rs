//! What the user sees on a terminal while a run goes on.
//!
//! A thread of its own draws, so that drawing delays no user of the run; it gets a [`Scene`] now and then and draws the newest.

mod screen;
mod view;

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::stats::{Kind, Summary};

use screen::Screen;

/// As many seconds as the graph shows at most.
pub const MOST_MOMENTS: usize = 300;

/// Everything that is on the screen.
#[derive(Debug, Clone, Default)]
pub struct Scene {
    /// What is done to whom.
    pub title: String,
    /// What the run is about.
    pub stage: &'static str,
    /// How far it is with that, and how far it goes.
    pub progress: Option<(Amount, Amount)>,
    /// More about that.
    pub detail: String,
    /// Edits made so far.
    pub sent: u64,
    /// Deliveries so far.
    pub delivered: u64,
    /// Deliveries that are still due.
    pub under_way: u64,
    /// What was timed so far, in the order of [`Kind::ALL`].
    pub latencies: [Summary; Kind::ALL.len()],
    /// Seconds that are over, the last one last.
    pub moments: Vec<Moment>,
    /// What went wrong so far.
    pub errors: Vec<(String, u64)>,
}

/// How far something is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// So many of them.
    Steps(u64),
    /// So long.
    Time(Duration),
}

/// What one second was like.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moment {
    /// Edits made a second.
    pub sent: f64,
    /// Deliveries a second.
    pub delivered: f64,
    /// Median and 99 % of the latencies of edits, in microseconds; none when nothing arrived.
    pub edit_us: Option<(u64, u64)>,
    /// Processors that the server kept busy.
    pub server_cores: Option<f64>,
    /// Memory of the server, in bytes.
    pub server_rss_bytes: Option<u64>,
}

/// The view. Dropped, it leaves the terminal as it was.
#[derive(Debug)]
pub struct Live {
    scenes: Option<SyncSender<Scene>>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Takes the terminal of standard error.
    ///
    /// # Errors
    /// It is none, or cannot be taken.
    pub fn open() -> std::io::Result<Self> {
        let mut screen = Screen::open()?;
        let (scenes, received) = sync_channel(1);
        let thread = thread::Builder::new().name("live view".to_owned()).spawn(move || screen.play(&received))?;
        Ok(Self { scenes: Some(scenes), thread: Some(thread) })
    }

    /// Shows this. A scene that comes while another one waits is not shown.
    pub fn show(&self, scene: Scene) {
        if let Some(scenes) = &self.scenes {
            let _ = scenes.try_send(scene);
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.scenes = None;
        if let Some(thread) = self.thread.take() {
            // A thread that broke has given the terminal back already.
            let _ = thread.join();
        }
    }
}
