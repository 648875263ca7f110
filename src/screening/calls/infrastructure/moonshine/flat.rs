//! Reads `FlatBuffers`, the container of ONNX Runtime's own model format. Every step is checked: a broken file gives
//! `None` and never a panic.

/// A table: its place and where its fields are.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Table<'a> {
    /// The table the buffer begins with.
    pub fn root(bytes: &'a [u8]) -> Option<Self> {
        Some(Self {
            bytes,
            at: u32_at(bytes, 0)? as usize,
        })
    }

    /// Where the field of this slot lies; slots count 4, 6, 8, ... `None` where it is left out.
    fn field(self, slot: usize) -> Option<usize> {
        let back = i64::from(u32_at(self.bytes, self.at)?.cast_signed());
        let table = usize::try_from(i64::try_from(self.at).ok()? - back).ok()?;
        if slot >= usize::from(u16_at(self.bytes, table)?) {
            return None;
        }
        match u16_at(self.bytes, table + slot)? {
            0 => None,
            offset => Some(self.at + usize::from(offset)),
        }
    }

    fn target(self, slot: usize) -> Option<usize> {
        let field = self.field(slot)?;
        field.checked_add(u32_at(self.bytes, field)? as usize)
    }

    pub fn table(self, slot: usize) -> Option<Self> {
        let at = self.target(slot)?;
        Some(Self { at, ..self })
    }

    /// Text; empty where it is left out.
    pub fn text(self, slot: usize) -> Option<&'a str> {
        std::str::from_utf8(self.vector(slot, 1)?).ok()
    }

    pub fn i32(self, slot: usize) -> i32 {
        let read = |at| u32_at(self.bytes, at);
        self.field(slot).and_then(read).unwrap_or(0).cast_signed()
    }

    pub fn i64(self, slot: usize) -> i64 {
        let read = |at| Some(u64::from(u32_at(self.bytes, at)?) | u64::from(u32_at(self.bytes, at + 4)?) << 32);
        self.field(slot).and_then(read).unwrap_or(0).cast_signed()
    }

    /// The bytes of a vector of elements of this size; none where it is left out.
    pub fn vector(self, slot: usize, size: usize) -> Option<&'a [u8]> {
        if self.field(slot).is_none() {
            return Some(&[]);
        }
        let at = self.target(slot)?;
        let length = (u32_at(self.bytes, at)? as usize).checked_mul(size)?;
        self.bytes.get(at.checked_add(4)?..)?.get(..length)
    }

    pub fn numbers(self, slot: usize) -> Option<Vec<i64>> {
        let bytes = self.vector(slot, 8)?.chunks_exact(8);
        bytes.map(|b| Some(i64::from_le_bytes(b.try_into().ok()?))).collect()
    }

    pub fn tables(self, slot: usize) -> Option<Vec<Self>> {
        let entries = self.entries(slot)?;
        Some(entries.into_iter().map(|at| Self { at, ..self }).collect())
    }

    pub fn texts(self, slot: usize) -> Option<Vec<&'a str>> {
        let read = |at: usize| {
            let length = u32_at(self.bytes, at)? as usize;
            std::str::from_utf8(self.bytes.get(at.checked_add(4)?..)?.get(..length)?).ok()
        };
        self.entries(slot)?.into_iter().map(read).collect()
    }

    /// What the entries of a vector of offsets point at.
    fn entries(self, slot: usize) -> Option<Vec<usize>> {
        if self.field(slot).is_none() {
            return Some(Vec::new());
        }
        let begin = self.target(slot)?.checked_add(4)?;
        let count = self.vector(slot, 4)?.len() / 4;
        (0..count)
            .map(|i| {
                let entry = begin + 4 * i;
                entry.checked_add(u32_at(self.bytes, entry)? as usize)
            })
            .collect()
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(two.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(four.try_into().ok()?))
}
