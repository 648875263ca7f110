//! Cuts an ONNX model in two at one tensor, so that the second half can be run on a stretch of it at a time.
//!
//! Works on the protocol buffer itself: a model is a list of fields, its graph another, and cutting is choosing which
//! nodes and weights stay.

use std::collections::HashSet;

use crate::shared::onnx_proto::{
    FLOAT, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_NODE, GRAPH_OUTPUT, MODEL_GRAPH, NODE_INPUT, NODE_NAME, NODE_OUTPUT,
    TENSOR_NAME, put, value_info,
};

const GRAPH_VALUE_INFO: u64 = 13;

/// The two halves of a model.
pub struct Halves {
    /// From the model's inputs to the tensor.
    pub first: Vec<u8>,
    /// From the tensor, as the input of this name, to the model's output.
    pub second: Vec<u8>,
    pub tensor: String,
}

/// Cuts a model at the first input of the node of this name. None when the model is not of that make.
pub fn cut_at(model: &[u8], node_name: &str) -> Option<Halves> {
    let model = fields(model)?;
    let graph = fields(model.iter().find(|f| f.number == MODEL_GRAPH)?.bytes?)?;
    let nodes: Vec<Node<'_>> = graph
        .iter()
        .filter(|f| f.number == GRAPH_NODE)
        .map(Node::read)
        .collect::<Option<_>>()?;
    let tensor = *nodes.iter().find(|n| n.name == node_name)?.inputs.first()?;
    let output_info = graph.iter().find(|f| f.number == GRAPH_OUTPUT)?.bytes?;
    let output = text(fields(output_info)?.iter().find(|f| f.number == 1)?.bytes?)?;

    // What the tensor leads to is behind the cut; nodes are in topological order.
    let mut behind: HashSet<&str> = HashSet::from([tensor]);
    let mut second: Vec<bool> = Vec::with_capacity(nodes.len());
    for node in &nodes {
        let follows = node.inputs.iter().any(|input| behind.contains(input));
        if follows {
            behind.extend(&node.outputs);
        }
        second.push(follows);
    }
    // What else those need that hangs on no input: constants made by nodes.
    let mut needed: HashSet<&str> = HashSet::from([output]);
    for (node, follows) in nodes.iter().zip(&mut second).rev() {
        if node.outputs.iter().any(|out| needed.contains(out)) && !node.outputs.contains(&tensor) {
            *follows = true;
            needed.extend(node.inputs.iter().filter(|input| **input != tensor));
        }
    }
    let behind_only: Vec<bool> = nodes
        .iter()
        .zip(&second)
        .map(|(n, s)| *s && n.outputs.iter().any(|out| behind.contains(out)))
        .collect();

    let inputs: Vec<&[u8]> = graph
        .iter()
        .filter(|f| f.number == GRAPH_INPUT)
        .filter_map(|f| f.bytes)
        .collect();
    let seam = value_info(tensor, FLOAT);
    let build = |keep: &dyn Fn(usize) -> bool, inputs: &[&[u8]], output: &[u8]| -> Option<Vec<u8>> {
        let used: HashSet<&str> = nodes
            .iter()
            .enumerate()
            .filter(|(i, _)| keep(*i))
            .flat_map(|(_, n)| n.inputs.iter().copied())
            .collect();
        let mut body = Vec::new();
        let mut index = 0;
        for field in &graph {
            let wanted = match field.number {
                GRAPH_NODE => {
                    index += 1;
                    keep(index - 1)
                }
                GRAPH_INITIALIZER => used.contains(tensor_name(field.bytes?)?),
                GRAPH_INPUT | GRAPH_OUTPUT | GRAPH_VALUE_INFO => false,
                _ => true,
            };
            if wanted {
                body.extend_from_slice(field.raw);
            }
        }
        for info in inputs {
            put(&mut body, GRAPH_INPUT, info);
        }
        put(&mut body, GRAPH_OUTPUT, output);
        let mut out = Vec::with_capacity(body.len() + 64);
        for field in &model {
            if field.number == MODEL_GRAPH {
                put(&mut out, MODEL_GRAPH, &body);
            } else {
                out.extend_from_slice(field.raw);
            }
        }
        Some(out)
    };
    Some(Halves {
        first: build(&|i| !behind_only[i], &inputs, &seam)?,
        second: build(&|i| second[i], &[&seam], output_info)?,
        tensor: tensor.to_owned(),
    })
}

/// One field of a message.
struct Field<'a> {
    number: u64,
    /// What it holds, for those that have a length.
    bytes: Option<&'a [u8]>,
    /// The field as it stands, number and length included.
    raw: &'a [u8],
}

struct Node<'a> {
    name: &'a str,
    inputs: Vec<&'a str>,
    outputs: Vec<&'a str>,
}

impl<'a> Node<'a> {
    fn read(field: &Field<'a>) -> Option<Self> {
        let mut node = Self {
            name: "",
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        for field in fields(field.bytes?)? {
            match field.number {
                NODE_INPUT => node.inputs.push(text(field.bytes?)?),
                NODE_OUTPUT => node.outputs.push(text(field.bytes?)?),
                NODE_NAME => node.name = text(field.bytes?)?,
                _ => {}
            }
        }
        Some(node)
    }
}

fn fields(mut bytes: &[u8]) -> Option<Vec<Field<'_>>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let start = bytes;
        let key = varint(&mut bytes)?;
        let content = match key & 7 {
            0 => {
                varint(&mut bytes)?;
                None
            }
            1 => Some(take(&mut bytes, 8)?),
            2 => {
                let len = usize::try_from(varint(&mut bytes)?).ok()?;
                Some(take(&mut bytes, len)?)
            }
            5 => Some(take(&mut bytes, 4)?),
            _ => return None,
        };
        found.push(Field {
            number: key >> 3,
            bytes: content,
            raw: &start[..start.len() - bytes.len()],
        });
    }
    Some(found)
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(head)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn tensor_name(tensor: &[u8]) -> Option<&str> {
    fields(tensor)?
        .iter()
        .find(|f| f.number == TENSOR_NAME)
        .and_then(|f| text(f.bytes?))
}

#[cfg(test)]
mod tests {
    use super::{cut_at, fields, text};
    use crate::shared::onnx_proto::{
        FLOAT, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_NODE, GRAPH_OUTPUT, MODEL_GRAPH, TENSOR_NAME, put, value_info,
    };

    fn node(name: &str, inputs: &[&str], output: &str) -> Vec<u8> {
        let mut node = Vec::new();
        for input in inputs {
            put(&mut node, 1, input.as_bytes());
        }
        put(&mut node, 2, output.as_bytes());
        put(&mut node, 3, name.as_bytes());
        node
    }

    fn names(model: &[u8], kind: u64, field: u64) -> Vec<String> {
        let graph = fields(model)
            .unwrap()
            .into_iter()
            .find(|f| f.number == MODEL_GRAPH)
            .unwrap()
            .bytes
            .unwrap();
        let of = |message: &[u8]| {
            let name = fields(message)
                .unwrap()
                .into_iter()
                .find(|f| f.number == field)
                .unwrap();
            text(name.bytes.unwrap()).unwrap().to_owned()
        };
        fields(graph)
            .unwrap()
            .iter()
            .filter(|f| f.number == kind)
            .map(|f| of(f.bytes.unwrap()))
            .collect()
    }

    #[test]
    fn each_half_has_its_nodes_weights_and_ends() {
        let mut graph = Vec::new();
        put(&mut graph, GRAPH_NODE, &node("encode", &["x", "w1"], "h"));
        put(&mut graph, GRAPH_NODE, &node("constant", &[], "c"));
        put(&mut graph, GRAPH_NODE, &node("decode", &["h", "w2"], "d"));
        put(&mut graph, GRAPH_NODE, &node("last", &["d", "c"], "y"));
        for weight in ["w1", "w2"] {
            let mut tensor = Vec::new();
            put(&mut tensor, TENSOR_NAME, weight.as_bytes());
            put(&mut graph, GRAPH_INITIALIZER, &tensor);
        }
        put(&mut graph, GRAPH_INPUT, &value_info("x", FLOAT));
        put(&mut graph, GRAPH_OUTPUT, &value_info("y", FLOAT));
        let mut model = vec![0x08, 0x08];
        put(&mut model, MODEL_GRAPH, &graph);

        let halves = cut_at(&model, "decode").unwrap();
        assert_eq!(halves.tensor, "h");
        assert!(names(&halves.first, GRAPH_NODE, 3).starts_with(&["encode".to_owned()]));
        assert!(!names(&halves.first, GRAPH_NODE, 3).contains(&"decode".to_owned()));
        assert_eq!(names(&halves.first, GRAPH_INITIALIZER, 8), ["w1"]);
        assert_eq!(
            (
                names(&halves.first, GRAPH_INPUT, 1),
                names(&halves.first, GRAPH_OUTPUT, 1)
            ),
            (vec!["x".into()], vec!["h".into()])
        );
        assert_eq!(names(&halves.second, GRAPH_NODE, 3), ["constant", "decode", "last"]);
        assert_eq!(names(&halves.second, GRAPH_INITIALIZER, 8), ["w2"]);
        assert_eq!(
            (
                names(&halves.second, GRAPH_INPUT, 1),
                names(&halves.second, GRAPH_OUTPUT, 1)
            ),
            (vec!["h".into()], vec!["y".into()])
        );
        assert!(halves.second.starts_with(&[0x08, 0x08]));
    }

    #[test]
    fn what_is_no_model_is_refused() {
        assert!(cut_at(b"", "decode").is_none());
        assert!(cut_at(b"not a model at all", "decode").is_none());
        assert!(cut_at(&[0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], "decode").is_none());
    }
}
