//! A reader over little-endian bytes that fails instead of panicking when they run out.

use super::ConvertError;

/// Reads one value after the other from `data`.
pub struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub const fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    pub const fn at_end(&self) -> bool {
        self.at >= self.data.len()
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], ConvertError> {
        let taken = self
            .at
            .checked_add(count)
            .and_then(|end| self.data.get(self.at..end))
            .ok_or(ConvertError::Truncated(self.at))?;
        self.at += count;
        Ok(taken)
    }

    pub fn u8(&mut self) -> Result<u8, ConvertError> {
        Ok(self.array::<1>()?[0])
    }

    pub fn u16(&mut self) -> Result<u16, ConvertError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, ConvertError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn i32(&mut self) -> Result<i32, ConvertError> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    /// A count or a length: an `i32` that must not be negative.
    pub fn size(&mut self) -> Result<usize, ConvertError> {
        let at = self.at;
        usize::try_from(self.i32()?).map_err(|_| ConvertError::Truncated(at))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ConvertError> {
        let at = self.at;
        self.take(N)?.try_into().map_err(|_| ConvertError::Truncated(at))
    }
}
