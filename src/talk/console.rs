//! What is shown while the call runs.

use std::io::Write as _;

use tokio::time::Instant;

use crate::talk::protocol::Speaker;
use crate::talk::transcript::Line;

/// Prints the lines of one call. A terminal that is gone is no reason to end it.
#[derive(Debug, Clone)]
pub struct Console {
    /// Tells several calls apart.
    prefix: String,
    started: Option<Instant>,
}

impl Console {
    /// The console of call `number`, counted from 0, of `calls`.
    pub fn new(number: usize, calls: usize) -> Self {
        let prefix = if calls > 1 {
            format!("[{}] ", number + 1)
        } else {
            String::new()
        };
        Self { prefix, started: None }
    }

    /// Times are shown from here on.
    pub fn start(&mut self, at: Instant) {
        self.started = Some(at);
    }

    /// Something one side said.
    pub fn said(&self, line: &Line) {
        let who = match line.speaker {
            Speaker::Emma => "Emma",
            Speaker::Candidate => "Candidate",
        };
        let cut = if line.interrupted { " --" } else { "" };
        self.line(&format!("{who:>9}: {}{cut}", line.text));
    }

    /// Something about the call.
    pub fn note(&self, text: &str) {
        self.line(&format!("{:>9}  ({text})", ""));
    }

    fn line(&self, text: &str) {
        let at = self.started.map_or(0.0, |started| started.elapsed().as_secs_f64());
        print(&format!("{}{at:7.1}s {text}\n", self.prefix));
    }
}

/// Writes to standard output at once.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}
