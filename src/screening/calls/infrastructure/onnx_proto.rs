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
