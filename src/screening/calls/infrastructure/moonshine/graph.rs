//! A graph as it is written to ONNX: nodes, weights, what goes in and what comes out.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::shared::onnx_proto::{
    FLOAT, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_NODE, GRAPH_OUTPUT, INT64, MODEL_GRAPH, NODE_INPUT, NODE_NAME,
    NODE_OUTPUT, TENSOR_NAME, put, put_number, value_info,
};

/// ONNX's version of the file format; the operators' versions are copied.
const IR_VERSION: i64 = 8;

#[derive(Default)]
pub struct Graph<'a> {
    pub nodes: Vec<Node<'a>>,
    pub weights: Vec<Tensor<'a>>,
    pub inputs: Vec<&'a str>,
    pub outputs: Vec<&'a str>,
    /// Sets of operators and their versions.
    pub operators: Vec<(&'a [u8], i64)>,
}

#[derive(Clone, Default)]
pub struct Node<'a> {
    pub operator: Cow<'a, str>,
    pub domain: Cow<'a, str>,
    pub name: Cow<'a, str>,
    pub inputs: Vec<Cow<'a, str>>,
    pub outputs: Vec<Cow<'a, str>>,
    /// Each as ONNX writes it.
    pub attributes: Vec<Vec<u8>>,
}

#[derive(Clone, Default)]
pub struct Tensor<'a> {
    pub name: Cow<'a, str>,
    /// ONNX's number of the element type.
    pub element: i64,
    pub sizes: Vec<i64>,
    pub bytes: Cow<'a, [u8]>,
}

impl Graph<'_> {
    /// The graph as an ONNX model; what leads to no output is left out. `None` where it goes in circles.
    pub fn write(&self) -> Option<Vec<u8>> {
        let nodes = self.needed()?;
        let mut used: HashSet<&str> = self.outputs.iter().copied().collect();
        for node in &nodes {
            used.extend(node.inputs.iter().map(AsRef::as_ref));
        }
        let weights: Vec<&Tensor<'_>> = self.weights.iter().filter(|w| used.contains(&*w.name)).collect();
        // Room for all, so that tens of megabytes are not copied while it grows.
        let size = weights.iter().map(|w| w.bytes.len() + 256).sum::<usize>() + 1024 * nodes.len();
        let mut body = Vec::with_capacity(size + 4096);
        for node in nodes {
            put(&mut body, GRAPH_NODE, &node.write());
        }
        put(&mut body, 2, b"moonshine");
        for weight in weights {
            put(&mut body, GRAPH_INITIALIZER, &weight.write());
        }
        for input in self.inputs.iter().filter(|name| used.contains(*name)) {
            let element = if *input == "input_ids" { INT64 } else { FLOAT };
            put(&mut body, GRAPH_INPUT, &value_info(input, element));
        }
        for output in &self.outputs {
            put(&mut body, GRAPH_OUTPUT, &value_info(output, FLOAT));
        }
        let mut model = Vec::new();
        put_number(&mut model, 1, IR_VERSION);
        for (set, version) in &self.operators {
            let mut import = Vec::new();
            put(&mut import, 1, set);
            put_number(&mut import, 2, *version);
            put(&mut model, 8, &import);
        }
        put_head(&mut model, MODEL_GRAPH, body.len());
        body.splice(0..0, model);
        Some(body)
    }

    /// The nodes that lead to the outputs, each after those it needs.
    fn needed(&self) -> Option<Vec<&Node<'_>>> {
        let maker: HashMap<&str, usize> = self
            .nodes
            .iter()
            .enumerate()
            .flat_map(|(i, node)| node.outputs.iter().map(move |name| (&**name, i)))
            .collect();
        let mut state = vec![Visit::New; self.nodes.len()];
        let mut ordered = Vec::new();
        let mut stack: Vec<usize> = self
            .outputs
            .iter()
            .rev()
            .filter_map(|o| maker.get(o).copied())
            .collect();
        while let Some(&at) = stack.last() {
            let node = &self.nodes[at];
            let makers = node.inputs.iter().filter_map(|name| maker.get(&**name).copied());
            match state[at] {
                Visit::Done => {
                    stack.pop();
                }
                Visit::Open => {
                    state[at] = Visit::Done;
                    ordered.push(node);
                    stack.pop();
                }
                Visit::New => {
                    state[at] = Visit::Open;
                    for before in makers {
                        match state[before] {
                            Visit::New => stack.push(before),
                            Visit::Open => return None,
                            Visit::Done => {}
                        }
                    }
                }
            }
        }
        Some(ordered)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Visit {
    New,
    Open,
    Done,
}

impl Node<'_> {
    fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for input in &self.inputs {
            put(&mut out, NODE_INPUT, input.as_bytes());
        }
        for output in &self.outputs {
            put(&mut out, NODE_OUTPUT, output.as_bytes());
        }
        put(&mut out, NODE_NAME, self.name.as_bytes());
        put(&mut out, 4, self.operator.as_bytes());
        for attribute in &self.attributes {
            put(&mut out, 5, attribute);
        }
        put(&mut out, 7, self.domain.as_bytes());
        out
    }
}

impl Tensor<'_> {
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len() + 128);
        for size in &self.sizes {
            put_number(&mut out, 1, *size);
        }
        put_number(&mut out, 2, self.element);
        put(&mut out, TENSOR_NAME, self.name.as_bytes());
        put(&mut out, 9, &self.bytes);
        out
    }
}

/// An attribute that is a whole number.
pub fn number(name: &str, value: i64) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, 1, name.as_bytes());
    put_number(&mut out, 3, value);
    put_number(&mut out, 20, 2);
    out
}

/// The head of a field of this length, whose content follows.
fn put_head(out: &mut Vec<u8>, field: u64, length: usize) {
    put_number(out, field, length as i64);
    // A number's key has wire type 0; that of a field with a length has 2.
    let key = out.len() - varint_length(length as u64) - varint_length(field << 3);
    out[key] |= 2;
}

const fn varint_length(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node<'a>(name: &'a str, inputs: &[&'a str]) -> Node<'a> {
        Node {
            name: name.into(),
            inputs: inputs.iter().map(|i| Cow::from(*i)).collect(),
            outputs: vec![name.into()],
            ..Node::default()
        }
    }

    #[test]
    fn what_leads_to_an_output_is_kept_in_order_and_circles_are_refused() {
        let nodes = vec![
            node("end", &["b", "a"]),
            node("other", &["a"]),
            node("b", &["a", "w"]),
            node("a", &["in"]),
        ];
        let mut graph = Graph {
            nodes,
            outputs: vec!["end"],
            ..Graph::default()
        };
        let names: Vec<_> = graph.needed().unwrap().iter().map(|n| n.name.to_string()).collect();
        assert_eq!(names, ["a", "b", "end"]);
        graph.nodes[3].inputs = vec!["end".into()];
        assert!(graph.needed().is_none());
        assert!(graph.write().is_none());
    }

    #[test]
    fn a_head_is_what_a_field_begins_with() {
        for length in [0, 1, 127, 128, 300, 20_000, 3_000_000] {
            let content = vec![7; length];
            let (mut whole, mut parts) = (Vec::new(), Vec::new());
            put(&mut whole, MODEL_GRAPH, &content);
            put_head(&mut parts, MODEL_GRAPH, length);
            parts.extend(content);
            assert_eq!(parts, whole);
        }
    }
}
