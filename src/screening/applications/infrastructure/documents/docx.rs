//! Text of a DOCX: a ZIP archive whose `word/document.xml` holds the paragraphs.

use std::io::{Cursor, Read as _};

use quick_xml::Reader;
use quick_xml::events::Event;
use zip::ZipArchive;

use crate::screening::applications::domain::ports::DocumentError;

const MAX_ENTRIES: usize = 2_000;
/// Most the text part may hold, bytes.
const MAX_PART: u64 = 20 * 1024 * 1024;
/// Most it may be packed, once it is large.
const MAX_RATIO: u64 = 200;
const LARGE: u64 = 1024 * 1024;
const PART: &str = "word/document.xml";
const DAMAGED: DocumentError = DocumentError::Unreadable("the DOCX is damaged or encrypted");

pub(super) fn text(bytes: &[u8]) -> Result<String, DocumentError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| DAMAGED)?;
    if archive.len() > MAX_ENTRIES {
        return Err(DocumentError::Unreadable("the archive has too many entries"));
    }
    if archive.index_for_name(PART).is_none() {
        return Err(DocumentError::UnknownKind);
    }
    let part = archive.by_name(PART).map_err(|_| DAMAGED)?;
    let packed = part.compressed_size().max(1);
    let mut xml = Vec::new();
    // The size in the archive's directory may lie; what comes out is counted.
    part.take(MAX_PART + 1).read_to_end(&mut xml).map_err(|_| DAMAGED)?;
    let size = xml.len() as u64;
    if size > MAX_PART || (size > LARGE && size / packed > MAX_RATIO) {
        return Err(DocumentError::Unreadable(
            "the file unpacks to far more than a document",
        ));
    }
    paragraphs(str::from_utf8(&xml).map_err(|_| DAMAGED)?)
}

/// One line per paragraph; headings marked as in Markdown, list items by a dash.
fn paragraphs(xml: &str) -> Result<String, DocumentError> {
    let mut reader = Reader::from_str(xml);
    let mut out = String::new();
    let mut line = String::new();
    let mut mark = "";
    let mut in_text = false;
    loop {
        match reader.read_event().map_err(|_| DAMAGED)? {
            Event::Start(tag) | Event::Empty(tag) if tag.local_name().as_ref() == "pStyle" => {
                let style = tag
                    .attributes()
                    .flatten()
                    .find(|a| a.key.local_name().as_ref() == "val");
                let style = style.map(|a| a.value.to_lowercase()).unwrap_or_default();
                if style.starts_with("heading") || style == "title" {
                    mark = "# ";
                } else if style.contains("list") && mark.is_empty() {
                    mark = "- ";
                }
            }
            Event::Start(tag) | Event::Empty(tag) if tag.local_name().as_ref() == "numPr" && mark.is_empty() => {
                mark = "- ";
            }
            Event::Start(tag) if tag.local_name().as_ref() == "t" => in_text = true,
            Event::End(tag) if tag.local_name().as_ref() == "t" => in_text = false,
            Event::Empty(tag) if tag.local_name().as_ref() == "tab" => line.push(' '),
            Event::Empty(tag) if matches!(tag.local_name().as_ref(), "br" | "cr") => line.push('\n'),
            Event::End(tag) if tag.local_name().as_ref() == "p" => {
                if !line.trim().is_empty() {
                    out.push_str(mark);
                    out.push_str(line.trim());
                }
                out.push('\n');
                line.clear();
                mark = "";
            }
            Event::Text(text) if in_text => line.push_str(&text),
            // Only the five entities of XML itself and characters by number; a document's own are never expanded.
            Event::GeneralRef(entity) if in_text => {
                let known = quick_xml::escape::resolve_xml_entity(&entity).map(str::to_owned);
                let number = || entity.resolve_char_ref().ok().flatten().map(String::from);
                line.push_str(&known.or_else(number).unwrap_or_default());
            }
            Event::CData(text) if in_text => line.push_str(&text),
            Event::Eof => return Ok(out),
            _ => {}
        }
    }
}
