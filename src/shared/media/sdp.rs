//! Session descriptions as text: what is checked before one reaches the WebRTC stack, and what is added to ours.

use std::net::IpAddr;

/// No browser's offer for one audio stream and a data channel comes near this.
const MAX_SDP_BYTES: usize = 64 * 1024;
/// Each remote candidate makes us send to an address somebody else chose: more than a browser ever has is refused.
pub const MAX_CANDIDATES: usize = 40;
/// The longest candidate line that is read.
const MAX_CANDIDATE_BYTES: usize = 512;

/// An attribute, what it is called, and whether a value has its form.
type Required = (&'static str, &'static str, fn(&str) -> bool);

/// Attributes every description has, and whether a value of theirs has the right form (RFC 8839, section 5.4;
/// RFC 8122, section 5; RFC 9143, section 14).
const REQUIRED: [Required; 4] = [
    ("a=ice-ufrag:", "ICE user name", |value| {
        (4..=256).contains(&value.len())
    }),
    ("a=ice-pwd:", "ICE password", |value| (22..=256).contains(&value.len())),
    ("a=fingerprint:", "certificate fingerprint", is_fingerprint),
    ("a=mid:", "section name", |value| {
        !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic())
    }),
];

/// What Emma does with Opus; a browser that prefers stereo would otherwise send it.
const OPUS_PARAMETERS: &str = "minptime=10;useinbandfec=1";

/// Why a description or candidate was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    #[error("not a usable session description: {0}")]
    Malformed(String),
    #[error("the offer has no audio stream with Opus")]
    NoAudio,
    #[error("not a usable ICE candidate: {0}")]
    BadCandidate(String),
}

/// Checks an offer or answer and takes out what only costs time: names of the other side's local network, which
/// cannot be resolved from here, TCP candidates, and any candidate that cannot be read. The stack finds such a peer
/// anyway by the checks it sends.
///
/// # Errors
/// When it is no description of an encrypted Opus stream.
pub fn screen(sdp: &str) -> Result<String, SdpError> {
    let malformed = |why: &str| SdpError::Malformed(why.to_owned());
    if sdp.len() > MAX_SDP_BYTES {
        return Err(malformed("longer than 64 KiB"));
    }
    if !sdp.starts_with("v=0") {
        return Err(malformed("does not begin with v=0"));
    }
    if sdp
        .chars()
        .any(|c| c.is_control() && c != '\r' && c != '\n' && c != '\t')
    {
        return Err(malformed("contains control characters"));
    }
    let lines: Vec<&str> = sdp.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    for line in &lines {
        if !line.as_bytes().first().is_some_and(u8::is_ascii_lowercase) || line.as_bytes().get(1) != Some(&b'=') {
            return Err(malformed("a line is not of the form x=..."));
        }
    }
    for (attribute, name, fits) in REQUIRED {
        let mut values = lines.iter().filter_map(|line| line.strip_prefix(attribute)).peekable();
        if values.peek().is_none() {
            return Err(malformed(&format!("no {name}")));
        }
        if !values.all(fits) {
            return Err(malformed(&format!("a {name} that cannot be read")));
        }
    }
    let ports = lines
        .iter()
        .filter_map(|line| line.strip_prefix("m="))
        .map(|media| media.split(' ').nth(1));
    if !ports
        .clone()
        .all(|port| port.is_some_and(|port| port.parse::<u16>().is_ok()))
    {
        return Err(malformed("a section without a port"));
    }
    if !offers_opus(&lines) {
        return Err(SdpError::NoAudio);
    }
    let mut candidates = 0;
    let kept = lines
        .into_iter()
        .filter(|line| match line.strip_prefix("a=candidate:") {
            Some(value) => {
                candidates += 1;
                candidates <= MAX_CANDIDATES && matches!(read_candidate(value), Ok(Some(_)))
            }
            None => true,
        });
    Ok(join(kept))
}

/// Whether a value is a hash function and bytes in hexadecimal, `sha-256 AB:CD:...`.
fn is_fingerprint(value: &str) -> bool {
    let Some((function, bytes)) = value.split_once(' ') else {
        return false;
    };
    let length = match function.to_ascii_lowercase().as_str() {
        "sha-1" => 20,
        "sha-224" => 28,
        "sha-256" => 32,
        "sha-384" => 48,
        "sha-512" => 64,
        _ => return false,
    };
    let pairs = || bytes.trim().split(':');
    pairs().count() == length && pairs().all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether a section for audio that is not switched off names Opus at 48 kHz.
fn offers_opus(lines: &[&str]) -> bool {
    let mut in_audio = false;
    lines.iter().any(|line| {
        if let Some(media) = line.strip_prefix("m=") {
            let mut parts = media.split(' ');
            in_audio = parts.next() == Some("audio") && parts.next().is_some_and(|port| port != "0");
        }
        in_audio
            && line
                .strip_prefix("a=rtpmap:")
                .is_some_and(|map| map.to_ascii_lowercase().contains(" opus/48000"))
    })
}

/// Reads one candidate (with or without `candidate:` in front). None where there is nothing to do with it: the end
/// of candidates, a name of the other side's network, TCP.
///
/// # Errors
/// When it does not have the form of RFC 8839, section 5.1.
pub fn read_candidate(text: &str) -> Result<Option<String>, SdpError> {
    let bad = |why: &str| SdpError::BadCandidate(why.to_owned());
    if text.len() > MAX_CANDIDATE_BYTES {
        return Err(bad("too long"));
    }
    let text = text.trim();
    let text = text.strip_prefix("a=").unwrap_or(text);
    let value = text.strip_prefix("candidate:").unwrap_or(text);
    if value.is_empty() || value == "end-of-candidates" {
        return Ok(None);
    }
    let mut parts = value.split_ascii_whitespace();
    let mut next = |what: &str| parts.next().ok_or_else(|| bad(&format!("no {what}")));
    let foundation = next("foundation")?;
    let component: u16 = next("component")?.parse().map_err(|_| bad("component"))?;
    let transport = next("transport")?.to_ascii_lowercase();
    let _priority: u32 = next("priority")?.parse().map_err(|_| bad("priority"))?;
    let address = next("address")?.to_ascii_lowercase();
    let port: u16 = next("port")?.parse().map_err(|_| bad("port"))?;
    if next("typ")? != "typ" {
        return Err(bad("typ"));
    }
    let kind = next("type")?;
    if foundation.len() > 32 || !value.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        return Err(bad("characters"));
    }
    if !["host", "srflx", "prflx", "relay"].contains(&kind) {
        return Err(bad("type"));
    }
    if transport == "tcp" || component != 1 || address.rsplit('.').next() == Some("local") {
        return Ok(None);
    }
    if transport != "udp" {
        return Err(bad("transport"));
    }
    let ip: IpAddr = address.parse().map_err(|_| bad("address"))?;
    if ip.is_unspecified() || ip.is_multicast() || port == 0 {
        return Err(bad("address"));
    }
    Ok(Some(format!("candidate:{value}")))
}

/// Our own description with our parameters for Opus, and with all our candidates in its first live section and
/// nowhere else. `candidates` are
/// `candidate:...` values; each of `advertised` is an address under which the first of them is reachable from
/// outside (a router or container host that forwards the port).
pub fn complete(sdp: &str, candidates: &[String], advertised: &[IpAddr]) -> String {
    let mut all = advertise(candidates, advertised);
    all.extend(candidates.iter().cloned());
    let mut out: Vec<String> = Vec::new();
    let mut placed = false;
    let mut live = false;
    let opus = sdp.lines().find_map(|line| {
        let (number, codec) = line.strip_prefix("a=rtpmap:")?.split_once(' ')?;
        codec.to_ascii_lowercase().starts_with("opus/").then_some(number)
    });
    let place = |out: &mut Vec<String>| {
        out.extend(all.iter().map(|candidate| format!("a={candidate}")));
        out.push("a=end-of-candidates".to_owned());
    };
    for line in sdp.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        if line.starts_with("a=candidate:") || line == "a=end-of-candidates" {
            continue;
        }
        if let Some(parameters) = line.strip_prefix("a=fmtp:") {
            let number = parameters.split(' ').next().filter(|number| opus == Some(number));
            out.push(number.map_or_else(
                || line.to_owned(),
                |number| format!("a=fmtp:{number} {OPUS_PARAMETERS}"),
            ));
            continue;
        }
        if let Some(media) = line.strip_prefix("m=") {
            if live && !placed {
                place(&mut out);
                placed = true;
            }
            live = media.split(' ').nth(1).is_some_and(|port| port != "0");
        }
        out.push(line.to_owned());
    }
    if live && !placed {
        place(&mut out);
    }
    join(out.iter().map(String::as_str))
}

/// The first candidate of each family over again under the advertised addresses.
fn advertise(candidates: &[String], advertised: &[IpAddr]) -> Vec<String> {
    let hosts: Vec<(Vec<&str>, IpAddr)> = candidates
        .iter()
        .filter_map(|candidate| {
            let fields: Vec<&str> = candidate.split_ascii_whitespace().collect();
            let ip: IpAddr = fields.get(4)?.parse().ok()?;
            Some((fields, ip))
        })
        .collect();
    advertised
        .iter()
        .enumerate()
        .filter_map(|(index, address)| {
            let of_family = |loopback: bool| {
                hosts
                    .iter()
                    .find(|(_, ip)| ip.is_ipv4() == address.is_ipv4() && ip.is_loopback() == loopback)
            };
            let (fields, _) = of_family(false).or_else(|| of_family(true))?;
            let port = fields.get(5)?;
            // Highest type preference, the address's place in the list, component 1 (RFC 8445, section 5.1.2).
            let local_preference = 65_535_u32.saturating_sub(index as u32);
            let priority = (126_u32 << 24) + (local_preference << 8) + 255;
            Some(format!(
                "candidate:{} 1 udp {priority} {address} {port} typ host",
                90_000 + index
            ))
        })
        .collect()
}

/// A description without its candidates, and the candidates as `candidate:...` values: for sending them one by one.
pub fn split_candidates(sdp: &str) -> (String, Vec<String>) {
    let is_candidate = |line: &&str| line.starts_with("a=candidate:");
    let candidates = sdp
        .lines()
        .map(str::trim_end)
        .filter(is_candidate)
        .map(|line| line[2..].to_owned())
        .collect();
    let rest = sdp
        .lines()
        .map(str::trim_end)
        .filter(|l| !is_candidate(l) && *l != "a=end-of-candidates" && !l.is_empty());
    (join(rest), candidates)
}

fn join<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.fold(String::new(), |mut sdp, line| {
        sdp.push_str(line);
        sdp.push_str("\r\n");
        sdp
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-1 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=rtpmap:111 opus/48000/2\r\na=candidate:1 1 udp 2113937151 1c1b1f6e-1.local 50000 typ host\r\na=candidate:2 1 udp 2113937150 192.0.2.7 50001 typ host\r\na=candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active\r\n";

    #[test]
    fn only_candidates_that_can_be_tried_remain() {
        let screened = screen(OFFER).unwrap();
        assert!(screened.contains("192.0.2.7 50001"));
        assert!(!screened.contains(".local") && !screened.contains("tcptype"));
    }

    #[test]
    fn what_is_no_offer_is_refused() {
        for (sdp, wanted) in [
            (String::new(), "v=0"),
            ("v=0".to_owned(), "ICE user name"),
            (OFFER.replace("4A:AD", "4A:A"), "fingerprint"),
            ("v=0\r\nhello".to_owned(), "x=..."),
            (format!("v=0\r\na={}", "x".repeat(70_000)), "64 KiB"),
            (OFFER.replace("a=ice-pwd", "a=x"), "ICE password"),
            (OFFER.replace("s=-", "s=\u{0}"), "control"),
        ] {
            let error = screen(&sdp).unwrap_err();
            assert!(error.to_string().contains(wanted), "{error} should name {wanted}");
        }
        assert_eq!(screen(&OFFER.replace("opus", "PCMU")), Err(SdpError::NoAudio));
        assert_eq!(screen(&OFFER.replace("m=audio 9", "m=audio 0")), Err(SdpError::NoAudio));
    }

    #[test]
    fn candidates_are_read_strictly() {
        let good =
            "candidate:842163049 1 udp 1677729535 203.0.113.9 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0";
        assert_eq!(read_candidate(good), Ok(Some(good.to_owned())));
        assert_eq!(read_candidate(&format!("a={good}")), Ok(Some(good.to_owned())));
        for nothing in [
            "",
            "candidate:",
            "end-of-candidates",
            "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
        ] {
            assert_eq!(read_candidate(nothing), Ok(None), "{nothing}");
        }
        for bad in [
            "candidate:x",
            "candidate:1 1 udp 99999999999 192.0.2.1 5 typ host",
            "candidate:1 1 udp 1 192.0.2.999 5 typ host",
            "candidate:1 1 udp 1 192.0.2.1 70000 typ host",
            "candidate:1 1 udp 1 192.0.2.1 5 typ nonsense",
            "candidate:1 1 udp 1 0.0.0.0 5 typ host",
            "candidate:1 1 udp 1 192.0.2.1 5 typ host\u{7f}",
        ] {
            assert!(read_candidate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn our_candidates_stand_in_the_first_live_section() {
        let answer = "v=0\r\nm=video 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\n";
        let ours = vec!["candidate:1 1 udp 2130706431 10.0.0.4 50000 typ host".to_owned()];
        let sdp = complete(answer, &ours, &["203.0.113.5".parse().unwrap()]);
        let lines: Vec<&str> = sdp.lines().collect();
        let at = |wanted: &str| lines.iter().position(|line| line.contains(wanted)).unwrap();
        assert!(at("m=audio") < at("203.0.113.5 50000 typ host"));
        assert!(at("10.0.0.4 50000") < at("a=end-of-candidates"));
        assert!(at("a=end-of-candidates") < at("m=application"));
        assert_eq!(sdp.matches("10.0.0.4").count(), 1);
        let (bare, candidates) = split_candidates(&sdp);
        assert_eq!(candidates.len(), 2);
        assert!(!bare.contains("candidate"));
    }
}
