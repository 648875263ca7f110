//! Opus in Ogg (RFC 3533, RFC 7845): one stream, one channel pair, a page a second.
//!
//! The `ogg` crate (0.9, BSD-3-Clause, no dependencies but `byteorder`) is not used: its writer begins every stream at page
//! 0, and the number is private, so that it cannot go on with the file of a call whose server died; it wants to be told
//! of a last packet when it gets it, and a page is marked as the last here when the call is over. What it would replace
//! is the checksum and the lacing, some thirty lines.

use std::ops::Range;

/// Packets in a page: a second.
const PACKETS: usize = 50;
/// Samples of a packet on the 48 kHz clock that every Opus file counts by.
const GRANULE: u64 = 960;
const HEADER: usize = 27;
const FIRST: u8 = 2;
const LAST: u8 = 4;
const MARK: &[u8; 4] = b"OggS";
/// Where in a page what is in it stands.
const FLAGS: usize = 5;
const CHECKSUM: Range<usize> = 22..26;

/// A stream that is being written.
#[derive(Debug)]
pub struct OggStream {
    serial: u32,
    pages: u32,
    packets: u64,
    /// Packets of the page that is not full yet.
    open: Vec<Vec<u8>>,
}

impl OggStream {
    /// A stream and its head. `delay` is that of the encoder, in samples at `rate_hz`.
    pub fn begin(serial: u32, rate_hz: u32, delay: u16) -> (Self, Vec<u8>) {
        let mut stream = Self {
            serial,
            pages: 0,
            packets: 0,
            open: Vec::new(),
        };
        let mut head = b"OpusHead".to_vec();
        head.extend([1, 2]);
        let skip = u32::from(delay) * 48_000 / rate_hz;
        head.extend(u16::try_from(skip).unwrap_or(u16::MAX).to_le_bytes());
        head.extend(rate_hz.to_le_bytes());
        head.extend([0, 0, 0]);
        let mut tags = b"OpusTags".to_vec();
        tags.extend(4_u32.to_le_bytes());
        tags.extend(b"Emma");
        tags.extend(0_u32.to_le_bytes());
        let mut pages = stream.page(FIRST, 0, &[head]);
        pages.extend(stream.page(0, 0, &[tags]));
        (stream, pages)
    }

    /// Takes up a stream where its last whole page ends. Gives that page as it is to stand in the file, not marked as
    /// the last, and where it stands. None where there is no beginning of a stream.
    pub fn resume(file: &[u8]) -> Option<(Self, Vec<u8>, Range<usize>)> {
        let mut found = 0..0;
        let mut pages = 0;
        while let Some(end) = whole_page(&file[found.end..]) {
            found = found.end..found.end + end;
            pages += 1;
        }
        if pages < 2 {
            return None;
        }
        let mut last = file[found.clone()].to_vec();
        let granule = u64::from_le_bytes(last[6..14].try_into().ok()?);
        let stream = Self {
            serial: u32::from_le_bytes(last[14..18].try_into().ok()?),
            pages: u32::from_le_bytes(last[18..22].try_into().ok()?) + 1,
            packets: granule / GRANULE,
            open: Vec::new(),
        };
        last[FLAGS] &= !LAST;
        seal(&mut last);
        Some((stream, last, found))
    }

    /// Frames of 20 ms in the stream.
    pub fn frames(&self) -> u64 {
        self.packets
    }

    /// Adds a packet; gives the page before it when that is full, so that the last page is never an empty one.
    pub fn push(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let full = (self.open.len() == PACKETS).then(|| self.close(0));
        self.open.push(packet.to_vec());
        self.packets += 1;
        full
    }

    /// The last page; nothing where nothing was added.
    pub fn end(&mut self) -> Vec<u8> {
        if self.open.is_empty() {
            return Vec::new();
        }
        self.close(LAST)
    }

    fn close(&mut self, flags: u8) -> Vec<u8> {
        let packets = std::mem::take(&mut self.open);
        self.page(flags, self.packets * GRANULE, &packets)
    }

    fn page(&mut self, flags: u8, granule: u64, packets: &[Vec<u8>]) -> Vec<u8> {
        let mut lacing = Vec::new();
        for packet in packets {
            lacing.extend(std::iter::repeat_n(255, packet.len() / 255));
            lacing.push((packet.len() % 255) as u8);
        }
        // A second of 64 kbit/s is some hundred segments; a packet of the largest size has six.
        debug_assert!(lacing.len() <= 255);
        let mut page = MARK.to_vec();
        page.extend([0, flags]);
        page.extend(granule.to_le_bytes());
        page.extend(self.serial.to_le_bytes());
        page.extend(self.pages.to_le_bytes());
        page.extend([0; 4]);
        page.push(lacing.len() as u8);
        page.extend(lacing);
        for packet in packets {
            page.extend(packet);
        }
        seal(&mut page);
        self.pages += 1;
        page
    }
}

/// Length of the whole page that `bytes` begin with.
fn whole_page(bytes: &[u8]) -> Option<usize> {
    let segments = usize::from(*bytes.get(HEADER - 1)?);
    let lacing = bytes.get(HEADER..HEADER + segments)?;
    let length = HEADER + segments + lacing.iter().map(|l| usize::from(*l)).sum::<usize>();
    let page = bytes.get(..length)?;
    let mut sealed = page.to_vec();
    seal(&mut sealed);
    (page.starts_with(MARK) && sealed == page).then_some(length)
}

/// Writes the checksum into a page.
fn seal(page: &mut [u8]) {
    page[CHECKSUM].fill(0);
    let checksum = page.iter().fold(0, |sum: u32, byte| {
        (0..8).fold(sum ^ (u32::from(*byte) << 24), |sum, _| {
            if sum & 0x8000_0000 == 0 {
                sum << 1
            } else {
                (sum << 1) ^ 0x04c1_1db7
            }
        })
    });
    page[CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_format() {
        let mut page = MARK.to_vec();
        page.extend([0, 4]);
        page.extend([0; 20]);
        page.push(0);
        seal(&mut page);
        let sum = |bytes: &[u8]| {
            // The same polynomial by long division, bit by bit over the whole message.
            let mut rest: u64 = 0;
            let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |i| byte >> i & 1));
            for bit in bits.chain(std::iter::repeat_n(0, 32)) {
                rest = rest << 1 | u64::from(bit);
                if rest & (1 << 32) != 0 {
                    rest ^= 0x1_04c1_1db7;
                }
            }
            rest as u32
        };
        let mut plain = page.clone();
        plain[CHECKSUM].fill(0);
        assert_eq!(page[CHECKSUM], sum(&plain).to_le_bytes());
    }

    #[test]
    fn a_half_written_page_is_left_out_and_the_stream_goes_on() {
        let (mut stream, mut file) = OggStream::begin(7, 16_000, 104);
        for i in 0..120_u8 {
            file.extend(stream.push(&[i; 300]).unwrap_or_default());
        }
        let whole = file.len();
        let ended = stream.end();
        file.extend(&ended[..ended.len() - 1]);
        let (resumed, last, at) = OggStream::resume(&file).unwrap();
        assert_eq!((resumed.frames(), at.end), (100, whole));
        assert_eq!(last, file[at]);

        file.truncate(whole);
        file.extend(&ended);
        let (mut resumed, last, at) = OggStream::resume(&file).unwrap();
        assert_eq!((resumed.frames(), at.end), (120, file.len()));
        assert_eq!(last[FLAGS] & LAST, 0, "it is not the last page any more");
        file.splice(at, last);
        file.extend(resumed.end());
        assert!(OggStream::resume(&file).is_some_and(|(_, _, end)| end.end == file.len()));
        assert!(OggStream::resume(b"no such file").is_none() && OggStream::resume(&[]).is_none());
    }
}
