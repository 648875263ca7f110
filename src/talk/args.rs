//! What the user asks for on the command line.

use std::path::PathBuf;

use clap::Args;

/// Talks to Emma as a candidate would: over real WebRTC, with recorded answers.
///
/// It joins through an invitation link, gives consent, plays the next answer whenever Emma has finished and
/// listens, and reports the transcript of both sides and how long the candidate waited for each reply.
#[derive(Debug, Clone, Args)]
pub struct TalkArgs {
    /// The invitation link, e.g. `http://127.0.0.1:8080/i/demo`.
    #[arg(long, value_name = "LINK")]
    pub url: String,

    /// Answers in the order they are given: WAV or FLAC files, or `text:...` for a typed answer. The list repeats.
    #[arg(value_name = "ANSWER")]
    pub answers: Vec<String>,

    /// A typed answer, after those above; may be repeated.
    #[arg(long, value_name = "TEXT")]
    pub text: Vec<String>,

    /// Talk over a WebSocket, as where WebRTC does not get through.
    #[arg(long, conflicts_with_all = ["loss", "loss_in"])]
    pub ws: bool,

    /// Write the report as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Record the call: stereo WAV, left what was sent, right what was heard. With several calls `-2`, `-3`, .. are
    /// put before the extension.
    #[arg(long, value_name = "FILE.wav")]
    pub record: Option<PathBuf>,

    /// Calls at the same time, each with a personal token of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub calls: u16,

    /// Milliseconds between the starts of two calls.
    #[arg(long, value_name = "MS", default_value_t = 500)]
    pub stagger: u64,

    /// Percentage of the outgoing packets that never leave.
    #[arg(long, value_name = "PCT", default_value_t = 0.0, value_parser = percentage)]
    pub loss: f64,

    /// Percentage of the incoming packets that are thrown away unseen.
    #[arg(long, value_name = "PCT", default_value_t = 0.0, value_parser = percentage)]
    pub loss_in: f64,

    /// Seed of what is random: lost packets and noise.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Adds low background noise to everything that is sent, at this level in dBFS.
    #[arg(long, value_name = "DBFS", num_args = 0..=1, default_missing_value = "-60", allow_negative_numbers = true,
          require_equals = true)]
    pub noise: Option<f32>,

    /// Milliseconds the candidate thinks before an answer.
    #[arg(long, value_name = "MS", default_value_t = 300)]
    pub think: u64,

    /// Barge in: start the answer this many milliseconds after Emma began to speak.
    #[arg(long, value_name = "MS")]
    pub interrupt: Option<u64>,

    /// Barge in on every n-th turn only.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "interrupt",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub interrupt_every: u32,

    /// Milliseconds the candidate waits for a reply before giving the next answer.
    #[arg(long, value_name = "MS", default_value_t = 20_000)]
    pub patience: u64,

    /// Lose the connection without a word after this many seconds, once, and come back.
    #[arg(long, value_name = "S")]
    pub drop_after: Option<u64>,

    /// Seconds until the lost connection is made again.
    #[arg(long, value_name = "S", default_value_t = 3, requires = "drop_after")]
    pub away: u64,

    /// Hang up once Emma has replied to this many answers; otherwise Emma ends the call.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub turns: Option<u32>,

    /// Seconds after which a call is hung up and counts as failed.
    #[arg(long, value_name = "S", default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,

    /// What the answers say, one `id<TAB>text` a line, id = file name without extension: reports the word error rate.
    #[arg(long, value_name = "REF.tsv")]
    pub expect: Option<PathBuf>,
}

fn percentage(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=100.0).contains(&value) => Ok(value),
        _ => Err("expected a percentage from 0 to 100".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        talk: TalkArgs,
    }

    fn parse(line: &[&str]) -> Result<TalkArgs, clap::Error> {
        Command::try_parse_from([&["emma"], line].concat()).map(|command| command.talk)
    }

    #[test]
    fn files_and_options_are_told_apart() {
        let args = parse(&["--url", "http://h/i/t", "--noise", "a.wav", "--loss", "5", "text:hello"]).expect("valid");
        assert_eq!(args.answers, ["a.wav", "text:hello"]);
        assert_eq!(args.noise, Some(-60.0));
        assert!((args.loss - 5.0).abs() < f64::EPSILON);
        assert_eq!(
            parse(&["--url", "u", "--noise=-45", "a.wav"]).expect("valid").noise,
            Some(-45.0)
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        assert!(parse(&["a.wav"]).is_err(), "no link");
        assert!(parse(&["--url", "u", "--loss", "101"]).is_err());
        assert!(parse(&["--url", "u", "--calls", "0"]).is_err());
        assert!(
            parse(&["--url", "u", "--ws", "--loss", "1"]).is_err(),
            "no packets are lost in a stream"
        );
        assert!(parse(&["--url", "u", "--interrupt-every", "2"]).is_err());
    }
}
