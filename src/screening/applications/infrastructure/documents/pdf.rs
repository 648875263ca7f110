//! Text of a PDF.

use std::io::Read as _;

use flate2::read::ZlibDecoder;

use crate::screening::applications::domain::ports::DocumentError;

/// Most a file's compressed parts may hold together, bytes.
const MAX_INFLATED: u64 = 64 * 1024 * 1024;
/// Filters can be chained; deeper ones are looked into this far.
const MAX_DEPTH: u32 = 3;

pub(super) fn text(bytes: &[u8]) -> Result<String, DocumentError> {
    let mut room = MAX_INFLATED;
    for stream in streams(bytes) {
        inflate(stream, &mut room, MAX_DEPTH)?;
    }
    pdf_extract::extract_text_from_mem(bytes).map_err(|_| DocumentError::Unreadable("the PDF is damaged or encrypted"))
}

/// The raw bytes between `stream` and `endstream`.
fn streams(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let start = find(rest, b"stream")? + b"stream".len();
        let body = rest.get(start..)?;
        let body = body
            .strip_prefix(b"\r\n")
            .or_else(|| body.strip_prefix(b"\n"))
            .unwrap_or(body);
        let end = find(body, b"endstream").unwrap_or(body.len());
        rest = body.get(end + b"endstream".len()..).unwrap_or_default();
        Some(&body[..end])
    })
}

/// Unpacks a part to see how large it is: the parser itself has no limit.
fn inflate(part: &[u8], room: &mut u64, depth: u32) -> Result<(), DocumentError> {
    let zlib = part.first().is_some_and(|first| first & 0x0f == 8) && part.len() > 2;
    if !zlib || depth == 0 {
        return Ok(());
    }
    let mut unpacked = Vec::new();
    // A damaged stream ends early; what came before counts.
    let _ = ZlibDecoder::new(part).take(*room + 1).read_to_end(&mut unpacked);
    let size = unpacked.len() as u64;
    if size > *room {
        return Err(DocumentError::Unreadable(
            "the file unpacks to far more than a document",
        ));
    }
    *room -= size;
    inflate(&unpacked, room, depth - 1)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
