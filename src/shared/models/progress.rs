//! How far a download is, for somebody who watches it and for a log.

use std::time::Duration;

use tokio::time::Instant;

/// A terminal's line is drawn anew at most this often.
const REDRAW: Duration = Duration::from_millis(200);
/// A log gets a line each time an item has come this much further, in percent.
const LOG_STEP: u64 = 20;
const MEGABYTE: f64 = 1e6;

/// Reports downloads on standard error.
pub struct Progress {
    style: Style,
    /// Bytes of everything there is to fetch, and of what has been fetched.
    total: u64,
    done: u64,
    item: Option<Item>,
}

/// Where the reports go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// One line, drawn over again and again.
    Terminal,
    /// A line now and then.
    Log,
    Silent,
}

struct Item {
    name: String,
    bytes: u64,
    at: u64,
    /// Bytes that were there before (a resumed download), not counted into the speed.
    resumed: u64,
    started: Instant,
    drawn: Option<Instant>,
    logged_percent: u64,
}

impl Progress {
    pub const fn new(style: Style) -> Self {
        Self {
            style,
            total: 0,
            done: 0,
            item: None,
        }
    }

    /// Adds to what there is to fetch.
    pub const fn expect(&mut self, bytes: u64) {
        self.total += bytes;
    }

    /// Takes back what will not be fetched after all.
    pub const fn unexpect(&mut self, bytes: u64) {
        self.total = self.total.saturating_sub(bytes);
    }

    /// A download begins, of which `resumed` bytes are there already.
    pub fn begin(&mut self, name: &str, bytes: u64, resumed: u64) {
        self.item = Some(Item {
            name: name.to_owned(),
            bytes,
            at: resumed,
            resumed,
            started: Instant::now(),
            drawn: None,
            logged_percent: percent(resumed, bytes),
        });
    }

    /// So many bytes of it are there now.
    pub fn at(&mut self, bytes: u64) {
        let (done, total, style) = (self.done, self.total, self.style);
        let Some(item) = &mut self.item else { return };
        item.at = bytes.min(item.bytes);
        let now = Instant::now();
        let due = match style {
            Style::Terminal => item.drawn.is_none_or(|drawn| now - drawn >= REDRAW),
            Style::Log => percent(item.at, item.bytes) >= item.logged_percent + LOG_STEP && item.at < item.bytes,
            Style::Silent => false,
        };
        if due {
            item.drawn = Some(now);
            item.logged_percent = percent(item.at, item.bytes);
            let line = item.line(now, done, total);
            draw(style, &line);
        }
    }

    /// The download is over.
    pub fn end(&mut self, whole: bool) {
        let Some(mut item) = self.item.take() else { return };
        if whole {
            item.at = item.bytes;
            let line = item.line(Instant::now(), self.done, self.total);
            self.done += item.bytes;
            draw(self.style, &line);
        }
        if self.style == Style::Terminal {
            eprintln!();
        }
    }

    /// Says something between downloads.
    pub fn note(&self, text: &str) {
        match self.style {
            Style::Terminal | Style::Log => eprintln!("{text}"),
            Style::Silent => {}
        }
    }
}

impl Item {
    fn line(&self, now: Instant, done: u64, total: u64) -> String {
        let seconds = (now - self.started).as_secs_f64();
        let speed = if seconds > 0.05 {
            (self.at - self.resumed) as f64 / MEGABYTE / seconds
        } else {
            0.0
        };
        format!(
            "  {:<34} {:>6.1} of {:>6.1} MB {:>3} % {speed:>6.1} MB/s   all {:>3} %",
            self.name,
            self.at as f64 / MEGABYTE,
            self.bytes as f64 / MEGABYTE,
            percent(self.at, self.bytes),
            percent(done + self.at, total),
        )
    }
}

fn draw(style: Style, line: &str) {
    match style {
        Style::Terminal => eprint!("\r\x1b[K{line}"),
        Style::Log => eprintln!("{line}"),
        Style::Silent => {}
    }
}

const fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 100;
    }
    let percent = part.saturating_mul(100) / whole;
    if percent > 100 { 100 } else { percent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_names_the_file_its_share_its_speed_and_the_share_of_all() {
        let mut progress = Progress::new(Style::Silent);
        progress.expect(400_000_000);
        progress.begin("kokoro-int8.onnx", 100_000_000, 20_000_000);
        tokio::time::advance(Duration::from_secs(4)).await;
        progress.at(60_000_000);

        let item = progress.item.unwrap();
        assert_eq!(
            item.line(Instant::now(), 140_000_000, 400_000_000),
            "  kokoro-int8.onnx                     60.0 of  100.0 MB  60 %   10.0 MB/s   all  50 %"
        );
    }

    #[test]
    fn nothing_to_fetch_is_all_of_it() {
        assert_eq!(percent(0, 0), 100);
        assert_eq!(percent(3, 2), 100);
    }
}
