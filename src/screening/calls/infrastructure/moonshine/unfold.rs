//! Unfolds Moonshine's published graphs into plain ONNX models.
//!
//! They come in ONNX Runtime's own format, whose graphs the runtime takes as they are: it would turn all 8-bit weights
//! into floats again for every token. Here they become ONNX, the encoder with products of 8-bit weights (`packed.rs`). The decoder
//! holds two graphs in the branches of an `If`, one for the first token and one for the others. The second one serves
//! all tokens if the first begins with an empty past, so of the first only what looks at the sound is taken.
//!
//! The format: `onnxruntime/core/flatbuffers/schema/ort.fbs`; slots are 4, 6, 8, ... in the order of its fields.

use crate::screening::calls::infrastructure::moonshine::alignment::WATCHED;
use crate::screening::calls::infrastructure::moonshine::flat::Table;
use crate::screening::calls::infrastructure::moonshine::graph::{Graph, Node, Tensor, number};
use crate::screening::calls::infrastructure::moonshine::packed::{self, Products};
use crate::shared::onnx_proto::{put, put_number};

/// The decoder's input that the encoder made.
pub const SOUND: &str = "encoder_hidden_states";

/// The encoder: from samples to what the decoder looks at.
pub fn encoder(ort: &[u8]) -> Option<Vec<u8>> {
    let model = Model::read(ort)?;
    let outputs = model.graph.texts(OUTPUTS)?;
    packed_model(model.graph(&[model.graph], outputs)?, Products::Packed)
}

/// The decoder's keys and values of the sound, which are the same for all tokens.
pub fn keys(ort: &[u8]) -> Option<Vec<u8>> {
    let mut graph = branch(ort, "else_branch", |output| output.contains(".encoder."))?;
    // Only the first size is asked for, that of the batch, of what the whole decoder would have to run for.
    for node in graph.nodes.iter_mut().filter(|node| node.operator == "Shape") {
        node.inputs = vec![SOUND.into()];
    }
    packed_model(graph, Products::Floats)
}

/// One step of the decoder: the next token's likelihoods, the keys and values with this one's added, and what it looked at.
pub fn step(ort: &[u8]) -> Option<Vec<u8>> {
    let mut graph = branch(ort, "then_branch", |output| !output.contains(".encoder."))?;
    graph.outputs.extend(WATCHED);
    packed_model(graph, Products::Floats)
}

fn packed_model(mut graph: Graph<'_>, products: Products) -> Option<Vec<u8>> {
    packed::pack(&mut graph, products);
    graph.write()
}

/// These outputs of the branch of the model's only `If`, with the weights outside.
fn branch<'a>(ort: &'a [u8], name: &str, wanted: impl Fn(&str) -> bool) -> Option<Graph<'a>> {
    let model = Model::read(ort)?;
    let nodes = model.graph.tables(NODES)?;
    let choice = nodes.into_iter().find(|n| n.text(OP_TYPE) == Some("If"))?;
    let attributes = choice.tables(ATTRIBUTES)?;
    let attribute = attributes.into_iter().find(|a| a.text(NAME) == Some(name))?;
    let inner = attribute.table(ATTRIBUTE_GRAPH)?;
    let outputs = inner.texts(OUTPUTS)?.into_iter().filter(|o| wanted(o)).collect();
    model.graph(&[model.graph, inner], outputs)
}

const NAME: usize = 4;
const NODES: usize = 8;
const OP_TYPE: usize = 14;
const ATTRIBUTES: usize = 24;
const ATTRIBUTE_GRAPH: usize = 18;
const OUTPUTS: usize = 16;

struct Model<'a> {
    root: Table<'a>,
    graph: Table<'a>,
}

impl<'a> Model<'a> {
    fn read(ort: &'a [u8]) -> Option<Self> {
        let root = Table::root(ort)?.table(6)?;
        Some(Self {
            root,
            graph: root.table(18)?,
        })
    }

    /// One graph of the nodes and weights of these, without their branches.
    fn graph(&self, parts: &[Table<'a>], outputs: Vec<&'a str>) -> Option<Graph<'a>> {
        let mut graph = Graph {
            inputs: self.graph.texts(14)?,
            outputs,
            ..Graph::default()
        };
        for part in parts {
            for node in part.tables(NODES)? {
                if node.text(OP_TYPE) != Some("If") {
                    graph.nodes.push(read_node(node)?);
                }
            }
            for weight in part.tables(4)? {
                graph.weights.push(read_tensor(weight)?);
            }
        }
        for operators in self.root.tables(6)? {
            graph.operators.push((operators.vector(4, 1)?, operators.i64(6)));
        }
        Some(graph)
    }
}

fn read_node(node: Table<'_>) -> Option<Node<'_>> {
    let attributes = node.tables(ATTRIBUTES)?;
    Some(Node {
        operator: node.text(OP_TYPE)?.into(),
        domain: node.text(8)?.into(),
        name: node.text(NAME)?.into(),
        inputs: node.texts(20)?.into_iter().map(Into::into).collect(),
        outputs: node.texts(22)?.into_iter().map(Into::into).collect(),
        attributes: attributes.into_iter().map(read_attribute).collect::<Option<_>>()?,
    })
}

/// `None` for kinds that these models do not have.
fn read_attribute(attribute: Table<'_>) -> Option<Vec<u8>> {
    let name = attribute.text(NAME)?;
    let kind = attribute.i32(8);
    if kind == 2 {
        return Some(number(name, attribute.i64(12)));
    }
    let mut out = Vec::new();
    put(&mut out, 1, name.as_bytes());
    match kind {
        // A float, as its four bytes: wire type 5.
        1 => {
            out.push(2 << 3 | 5);
            out.extend(attribute.i32(10).to_le_bytes());
        }
        3 => put(&mut out, 4, attribute.vector(14, 1)?),
        4 => put(&mut out, 5, &read_tensor(attribute.table(16)?)?.write()),
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

fn read_tensor(tensor: Table<'_>) -> Option<Tensor<'_>> {
    Some(Tensor {
        name: tensor.text(NAME)?.into(),
        element: i64::from(tensor.i32(10)),
        sizes: tensor.numbers(8)?,
        bytes: tensor.vector(12, 1)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_model_is_refused() {
        for bytes in [&b""[..], b"not a model at all, really not", &[0xFF; 64], &[0; 64]] {
            assert!(encoder(bytes).is_none());
            assert!(keys(bytes).is_none());
            assert!(step(bytes).is_none());
        }
    }
}
