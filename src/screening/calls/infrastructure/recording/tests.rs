use super::*;

fn tone(frame: usize) -> [f32; EAR_FRAME] {
    std::array::from_fn(|i| 0.4 * ((frame * EAR_FRAME + i) as f32 * 0.3).sin())
}

/// Packets behind the two heads, and whether the last page says that it is the last.
fn packets(mut file: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let (mut packets, mut last) = (Vec::new(), false);
    while file.len() > 27 {
        let segments = usize::from(file[26]);
        let (lacing, mut rest) = file[27..].split_at(segments);
        let mut packet = Vec::new();
        for length in lacing {
            let (part, behind) = rest.split_at(usize::from(*length));
            packet.extend_from_slice(part);
            rest = behind;
            if *length < 255 {
                packets.push(std::mem::take(&mut packet));
            }
        }
        last = file[5] & 4 != 0;
        file = rest;
    }
    (packets.split_off(2), last)
}

/// Both sides as they are heard: loudness of each 20 ms.
fn heard(packets: &[Vec<u8>]) -> Vec<(f32, f32)> {
    let mut decoder = opus::Decoder::new(EAR_RATE_HZ, Channels::Stereo).unwrap();
    let mut out = [0.0; 2 * EAR_FRAME];
    let rms = |out: &[f32], side: usize| {
        (out.iter().skip(side).step_by(2).map(|s| s * s).sum::<f32>() / EAR_FRAME as f32).sqrt()
    };
    packets
        .iter()
        .map(|packet| {
            decoder.decode_float(packet, &mut out, false).unwrap();
            (rms(&out, 0), rms(&out, 1))
        })
        .collect()
}

fn record(path: &Path, candidate: std::ops::Range<usize>, emma: std::ops::Range<usize>) {
    let (frames, queue) = sync_channel(10_000);
    let tape = Tape { frames };
    for frame in candidate.start.min(emma.start)..candidate.end.max(emma.end) {
        let at = CallTime::from_ms(frame as u64 * 20);
        if candidate.contains(&frame) {
            tape.candidate(&tone(frame), at);
        }
        if emma.contains(&frame) {
            tape.emma(&std::array::from_fn(|i| (8_000.0 * (i as f32 * 0.1).sin()) as i16), at);
        }
    }
    drop(tape);
    write(path, &queue).unwrap();
}

// spec: CALL-9
#[test]
fn a_recording_has_both_sides_apart_and_in_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sub").join("a.ogg");
    record(&path, 10..60, 100..150);
    let file = std::fs::read(&path).unwrap();
    assert_eq!(&file[28..36], b"OpusHead");
    let (packets, last) = packets(&file);
    assert_eq!((packets.len(), last), (150, true));
    let sides = heard(&packets);
    assert!(
        sides[15..55].iter().all(|(left, right)| *left > 0.1 && *right < 0.02),
        "{sides:?}"
    );
    assert!(
        sides[105..145].iter().all(|(left, right)| *left < 0.02 && *right > 0.1),
        "{sides:?}"
    );
    assert!(
        sides[..9]
            .iter()
            .chain(&sides[65..98])
            .all(|(left, right)| left.max(*right) < 0.02)
    );
}

// spec: CALL-9
#[test]
fn what_a_killed_server_left_can_be_played_and_goes_on_when_the_call_does() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.ogg");
    record(&path, 0..175, 0..0);
    let mut file = std::fs::read(&path).unwrap();
    // Killed in the middle of a page.
    file.truncate(file.len() - 10);
    std::fs::write(&path, &file).unwrap();
    assert!(OggStream::resume(&file).is_some_and(|(stream, ..)| stream.frames() == 150));

    record(&path, 300..400, 0..0);
    record(&path, 400..450, 0..0);
    let file = std::fs::read(&path).unwrap();
    let (packets, last) = packets(&file);
    assert_eq!((packets.len(), last), (450, true));
    let sides = heard(&packets);
    assert!(
        sides[160..295].iter().all(|(left, _)| *left < 0.02),
        "the time between is silence"
    );
    assert!(sides[305..445].iter().all(|(left, _)| *left > 0.1));
}

// spec: CALL-9
#[tokio::test]
async fn a_purged_recording_is_gone_and_stays_gone() {
    let dir = tempfile::tempdir().unwrap();
    let recordings = OggRecordings::new(dir.path().to_owned());
    let call = CallId::generate();
    recordings.purge(&call).await.unwrap();
    assert_eq!(recordings.find(&call).await.unwrap(), None);
    let path = recordings.path(&call);
    record(&path, 0..50, 0..50);
    assert_eq!(recordings.find(&call).await.unwrap(), Some(path));
    recordings.purge(&call).await.unwrap();
    assert_eq!(recordings.find(&call).await.unwrap(), None);
}

#[test]
fn a_disk_that_fails_costs_the_recording_only() {
    let dir = tempfile::tempdir().unwrap();
    // A directory stands where the file should.
    let (frames, queue) = sync_channel(1);
    let tape = Tape { frames };
    assert!(write(dir.path(), &queue).is_err());
    drop(queue);
    tape.candidate(&tone(0), CallTime::ZERO);
}
