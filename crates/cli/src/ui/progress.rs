//! A spinner or a bar on standard error, for what takes longer than a second.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What takes less time than this shows nothing.
const SHOWN_AFTER: Duration = Duration::from_secs(1);
/// How often a spinner turns.
const TICK: Duration = Duration::from_millis(120);

/// Something that is going on. It disappears when dropped.
pub(crate) struct Progress {
    bar: ProgressBar,
    waiting: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    pub(super) fn start(label: &str, watched: bool) -> Self {
        let bar = ProgressBar::new_spinner().with_message(label.to_owned());
        bar.set_draw_target(ProgressDrawTarget::hidden());
        let waiting = watched.then(|| {
            let (done, wait) = channel();
            let shown = bar.clone();
            let thread = thread::spawn(move || {
                if wait.recv_timeout(SHOWN_AFTER) == Err(RecvTimeoutError::Timeout) {
                    shown.set_draw_target(ProgressDrawTarget::stderr());
                    shown.enable_steady_tick(TICK);
                }
            });
            (done, thread)
        });
        Self { bar, waiting }
    }

    /// Says how much of how much is done, and of what; the spinner becomes a bar.
    pub(crate) fn set(&self, done: u64, all: u64, unit: &'static str) {
        if self.bar.length().is_none()
            && let Ok(style) =
                ProgressStyle::with_template(&format!("{{msg}} {{wide_bar}} {{pos}}/{{len}} {unit} {{eta}}"))
        {
            self.bar.set_style(style);
        }
        self.bar.set_length(all);
        self.bar.set_position(done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.waiting.take() {
            drop(done);
            let _ = thread.join();
        }
        self.bar.finish_and_clear();
    }
}
