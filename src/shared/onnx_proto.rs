//! The little of protocol buffers that is needed to write an ONNX model; field numbers are those of `onnx.proto3`.

pub const MODEL_GRAPH: u64 = 7;
pub const GRAPH_NODE: u64 = 1;
pub const GRAPH_INITIALIZER: u64 = 5;
pub const GRAPH_INPUT: u64 = 11;
pub const GRAPH_OUTPUT: u64 = 12;
pub const NODE_INPUT: u64 = 1;
pub const NODE_OUTPUT: u64 = 2;
pub const NODE_NAME: u64 = 3;
pub const TENSOR_NAME: u64 = 8;

/// Element types of tensors.
pub const FLOAT: u64 = 1;
pub const INT8: u64 = 3;
pub const INT64: u64 = 7;

/// A field that has a length: text, bytes or a message.
pub fn put(out: &mut Vec<u8>, number: u64, content: &[u8]) {
    put_varint(out, number << 3 | 2);
    put_varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// A field that is a whole number.
pub fn put_number(out: &mut Vec<u8>, number: u64, value: i64) {
    put_varint(out, number << 3);
    put_varint(out, value as u64);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// An input or output of this element type and of unknown shape.
pub fn value_info(name: &str, element: u64) -> Vec<u8> {
    // TypeProto { tensor_type: Tensor { elem_type } }
    let tensor_type = [0x08, element as u8];
    let mut kind = Vec::new();
    put(&mut kind, 1, &tensor_type);
    let mut info = Vec::new();
    put(&mut info, 1, name.as_bytes());
    put(&mut info, 2, &kind);
    info
}

/// A weight: its sizes, its element type and its little-endian contents.
pub fn tensor(name: &str, sizes: &[usize], element: u64, contents: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(contents.len() + 64);
    for size in sizes {
        put_number(&mut out, 1, *size as i64);
    }
    put_number(&mut out, 2, element as i64);
    put(&mut out, TENSOR_NAME, name.as_bytes());
    put(&mut out, 9, contents);
    out
}

/// What a node is told besides its inputs.
#[derive(Debug, Clone, Copy)]
pub enum Attribute {
    Whole(&'static str, i64),
    Float(&'static str, f32),
}

impl Attribute {
    /// The message; kinds 1 and 2 are float and whole number.
    pub fn write(self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Whole(name, value) => {
                put(&mut out, 1, name.as_bytes());
                put_number(&mut out, 3, value);
                put_number(&mut out, 20, 2);
            }
            Self::Float(name, value) => {
                put(&mut out, 1, name.as_bytes());
                // Four bytes: wire type 5.
                out.push(2 << 3 | 5);
                out.extend(value.to_le_bytes());
                put_number(&mut out, 20, 1);
            }
        }
        out
    }
}
