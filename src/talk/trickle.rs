//! Candidates found after the offer, as an SDP fragment (RFC 8840).

/// The fragment's media type.
pub const MEDIA_TYPE: &str = "application/trickle-ice-sdpfrag";

/// The fragment for `candidates` (`candidate:...`) of the connection that `offer` describes; `last` ends the list.
pub fn fragment(offer: &str, candidates: &[String], last: bool) -> String {
    let line = |prefix: &str| offer.lines().find(|line| line.starts_with(prefix)).map(str::trim_end);
    let mut lines: Vec<String> = ["a=ice-ufrag:", "a=ice-pwd:", "m=", "a=mid:"]
        .into_iter()
        .filter_map(|prefix| line(prefix).map(str::to_owned))
        .collect();
    lines.extend(
        candidates
            .iter()
            .map(|candidate| format!("a={}", candidate.trim_start_matches("a="))),
    );
    if last {
        lines.push("a=end-of-candidates".to_owned());
    }
    lines.push(String::new());
    lines.join("\r\n")
}

/// Whether the offer names this candidate already.
pub fn is_in(offer: &str, candidate: &str) -> bool {
    let candidate = candidate.trim_start_matches("a=");
    offer
        .lines()
        .any(|line| line.trim_end().strip_prefix("a=") == Some(candidate))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:ab\r\na=ice-pwd:cd\r\n\
                         a=candidate:1 1 udp 1 10.0.0.1 5 typ host\r\nm=application 9 DTLS/SCTP 5000\r\na=mid:1\r\n";

    #[test]
    fn a_fragment_names_the_connection_its_first_section_and_the_candidates() {
        assert_eq!(
            fragment(OFFER, &["candidate:2 1 udp 1 10.0.0.2 6 typ host".to_owned()], true),
            "a=ice-ufrag:ab\r\na=ice-pwd:cd\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
             a=candidate:2 1 udp 1 10.0.0.2 6 typ host\r\na=end-of-candidates\r\n"
        );
    }

    #[test]
    fn what_the_offer_names_is_not_sent_again() {
        assert!(is_in(OFFER, "candidate:1 1 udp 1 10.0.0.1 5 typ host"));
        assert!(!is_in(OFFER, "candidate:1 1 udp 1 10.0.0.1 55 typ host"));
    }
}
