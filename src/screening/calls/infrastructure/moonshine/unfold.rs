//! Unfolds Moonshine's published graphs into plain ONNX models.
//!
//! They come in ONNX Runtime's own format, whose graphs the runtime takes as they are: it would turn all 8-bit weights
//! into floats again for every token. As ONNX it does so once, when the model is loaded (55 ms a token become 10). The
//! decoder holds two graphs in the branches of an `If`, one for the first token and one for the others.
//!
//! The format: `onnxruntime/core/flatbuffers/schema/ort.fbs`; slots are 4, 6, 8, ... in the order of its fields.

use std::collections::HashSet;

use crate::screening::calls::infrastructure::moonshine::flat::Table;
use crate::shared::onnx_proto::{
    FLOAT, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_NODE, GRAPH_OUTPUT, INT64, MODEL_GRAPH, NODE_INPUT, NODE_NAME,
    NODE_OUTPUT, TENSOR_NAME, put, put_number, value_info,
};

/// ONNX's version of the file format; the operators' versions are copied.
const IR_VERSION: i64 = 8;

/// The model without branches.
pub fn whole(ort: &[u8]) -> Option<Vec<u8>> {
    let model = Model::read(ort)?;
    let outputs = model.graph.texts(OUTPUTS)?;
    model.write(&Graph::read(model.graph)?, &outputs)
}

/// The model in the branch of this name (`then_branch`, `else_branch`) of its only `If`, with the weights outside.
pub fn branch(ort: &[u8], name: &str) -> Option<Vec<u8>> {
    let model = Model::read(ort)?;
    let mut all = Graph::read(model.graph)?;
    let choice = all.nodes.iter().position(|n| n.text(OP_TYPE) == Some("If"))?;
    let choice = all.nodes.remove(choice);
    let attribute = choice
        .tables(ATTRIBUTES)?
        .into_iter()
        .find(|a| a.text(NAME) == Some(name))?;
    let graph = attribute.table(ATTRIBUTE_GRAPH)?;
    let inner = Graph::read(graph)?;
    all.nodes.extend(inner.nodes);
    all.weights.extend(inner.weights);
    model.write(&all, &graph.texts(OUTPUTS)?)
}

const NAME: usize = 4;
const OP_TYPE: usize = 14;
const ATTRIBUTES: usize = 24;
const ATTRIBUTE_GRAPH: usize = 18;
const OUTPUTS: usize = 16;

struct Model<'a> {
    root: Table<'a>,
    graph: Table<'a>,
}

struct Graph<'a> {
    nodes: Vec<Table<'a>>,
    weights: Vec<Table<'a>>,
}

impl<'a> Graph<'a> {
    fn read(graph: Table<'a>) -> Option<Self> {
        Some(Self {
            nodes: graph.tables(8)?,
            weights: graph.tables(4)?,
        })
    }
}

impl<'a> Model<'a> {
    fn read(ort: &'a [u8]) -> Option<Self> {
        let root = Table::root(ort)?.table(6)?;
        Some(Self {
            root,
            graph: root.table(18)?,
        })
    }

    fn write(&self, graph: &Graph<'a>, outputs: &[&str]) -> Option<Vec<u8>> {
        let nodes = needed(&graph.nodes, outputs)?;
        let mut used: HashSet<&str> = outputs.iter().copied().collect();
        for node in &nodes {
            used.extend(node.texts(20)?);
        }
        let mut body = Vec::new();
        for node in nodes {
            put(&mut body, GRAPH_NODE, &write_node(node)?);
        }
        put(&mut body, 2, b"moonshine");
        for weight in &graph.weights {
            if used.contains(weight.text(NAME)?) {
                put(&mut body, GRAPH_INITIALIZER, &write_tensor(*weight)?);
            }
        }
        for input in self.graph.texts(14)?.into_iter().filter(|name| used.contains(name)) {
            let element = if input == "input_ids" { INT64 } else { FLOAT };
            put(&mut body, GRAPH_INPUT, &value_info(input, element));
        }
        for output in outputs {
            put(&mut body, GRAPH_OUTPUT, &value_info(output, FLOAT));
        }
        let mut out = Vec::with_capacity(body.len() + 256);
        put_number(&mut out, 1, IR_VERSION);
        put(&mut out, MODEL_GRAPH, &body);
        for operators in self.root.tables(6)? {
            let mut import = Vec::new();
            put(&mut import, 1, operators.vector(4, 1)?);
            put_number(&mut import, 2, operators.i64(6));
            put(&mut out, 8, &import);
        }
        Some(out)
    }
}

/// The nodes that lead to the outputs, each after those it needs.
fn needed<'a>(nodes: &[Table<'a>], outputs: &[&str]) -> Option<Vec<Table<'a>>> {
    let mut wanted: HashSet<&str> = outputs.iter().copied().collect();
    let mut left: Vec<(Table<'a>, Vec<&'a str>, Vec<&'a str>)> = Vec::new();
    for node in nodes {
        left.push((*node, node.texts(20)?, node.texts(22)?));
    }
    let made_here: HashSet<&str> = left.iter().flat_map(|(_, _, made)| made.iter().copied()).collect();
    loop {
        let before = wanted.len();
        for (_, inputs, made) in &left {
            if made.iter().any(|name| wanted.contains(name)) {
                wanted.extend(inputs);
            }
        }
        if wanted.len() == before {
            break;
        }
    }
    left.retain(|(_, _, made)| made.iter().any(|name| wanted.contains(name)));
    let mut made: HashSet<&str> = HashSet::new();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let before = left.len();
        left.retain(|(node, inputs, outputs)| {
            let ready = inputs
                .iter()
                .all(|name| !made_here.contains(name) || made.contains(name));
            if ready {
                made.extend(outputs);
                ordered.push(*node);
            }
            !ready
        });
        if left.len() == before {
            return None;
        }
    }
    Some(ordered)
}

fn write_node(node: Table<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for input in node.texts(20)? {
        put(&mut out, NODE_INPUT, input.as_bytes());
    }
    for output in node.texts(22)? {
        put(&mut out, NODE_OUTPUT, output.as_bytes());
    }
    put(&mut out, NODE_NAME, node.text(NAME)?.as_bytes());
    put(&mut out, 4, node.text(OP_TYPE)?.as_bytes());
    for attribute in node.tables(ATTRIBUTES)? {
        put(&mut out, 5, &write_attribute(attribute)?);
    }
    put(&mut out, 7, node.text(8)?.as_bytes());
    Some(out)
}

/// `None` for kinds that these models do not have.
fn write_attribute(attribute: Table<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    put(&mut out, 1, attribute.text(NAME)?.as_bytes());
    let kind = attribute.i32(8);
    match kind {
        // A float, as its four bytes: wire type 5.
        1 => {
            out.push(2 << 3 | 5);
            out.extend(attribute.i32(10).to_le_bytes());
        }
        2 => put_number(&mut out, 3, attribute.i64(12)),
        3 => put(&mut out, 4, attribute.vector(14, 1)?),
        4 => put(&mut out, 5, &write_tensor(attribute.table(16)?)?),
        6 => put(&mut out, 7, attribute.vector(20, 4)?),
        7 => {
            for number in attribute.numbers(22)? {
                put_number(&mut out, 8, number);
            }
        }
        _ => return None,
    }
    put_number(&mut out, 20, i64::from(kind));
    Some(out)
}

fn write_tensor(tensor: Table<'_>) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for size in tensor.numbers(8)? {
        put_number(&mut out, 1, size);
    }
    put_number(&mut out, 2, i64::from(tensor.i32(10)));
    put(&mut out, TENSOR_NAME, tensor.text(NAME)?.as_bytes());
    put(&mut out, 9, tensor.vector(12, 1)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_model_is_refused() {
        for bytes in [&b""[..], b"not a model at all, really not", &[0xFF; 64], &[0; 64]] {
            assert!(whole(bytes).is_none());
            assert!(branch(bytes, "then_branch").is_none());
        }
    }
}
