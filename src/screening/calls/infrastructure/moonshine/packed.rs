//! Keeps the weights of Moonshine's encoder and its table of tokens in 8 bits while it runs: a quarter of the memory.
//!
//! The published graphs unpack every weight matrix to floats, `float(q) * scale + zero`, in front of its product. ONNX
//! Runtime's `MatMulNBits` multiplies by the 8 bits themselves, with kernels for the vector units it knows (seen on AVX-512);
//! on a processor without any it unpacks for every product, as the published graphs do.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::screening::calls::infrastructure::moonshine::graph::{Graph, Node, Tensor, number};

/// Weights that share a scale; those of a row of the product lie beside each other.
const BLOCK: usize = 32;
const INT8: i64 = 3;
const UINT8: i64 = 2;
const FLOAT: i64 = 1;
/// Runs with 8-bit activations.
const ACCURACY_8_BITS: i64 = 4;

/// What becomes of a graph's products. Look-ups are packed in any case: they give the same floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Products {
    Packed,
    /// Exact, for a decoder: its products round their inputs to 8 bits too, and it chooses other words for it.
    Floats,
}

/// Replaces products with unpacked weights, and look-ups in unpacked tables, by those that work on 8 bits. What is not
/// recognised stays as it is.
pub fn pack(graph: &mut Graph<'_>, products: Products) {
    let mut packed: HashMap<String, (Tensor<'static>, Tensor<'static>)> = HashMap::new();
    let mut nodes = Vec::with_capacity(graph.nodes.len());
    let finder = Finder::of(graph);
    for node in &graph.nodes {
        match &*node.operator {
            "MatMul" if node.inputs.len() == 2 && products == Products::Packed => {
                match finder.matrix(&node.inputs[1]) {
                    Some(matrix) => {
                        let (weights, scales) = packed
                            .entry(node.inputs[1].clone().into_owned())
                            .or_insert_with(|| matrix.pack(&node.inputs[1]));
                        nodes.push(product(node, &matrix, weights.name.clone(), scales.name.clone()));
                    }
                    None => nodes.push(node.clone()),
                }
            }
            "Gather" if node.inputs.len() == 2 => match finder.unpacking(&node.inputs[0]) {
                Some(unpacking) => nodes.extend(look_up(node, &unpacking)),
                None => nodes.push(node.clone()),
            },
            _ => nodes.push(node.clone()),
        }
    }
    graph.nodes = nodes;
    graph.weights.extend(packed.into_values().flat_map(|(w, s)| [w, s]));
    let contributed: &[u8] = b"com.microsoft";
    if !graph.operators.iter().any(|(set, _)| *set == contributed) {
        graph.operators.push((contributed, 1));
    }
}

/// A matrix of 8-bit weights as a product needs it.
struct Matrix<'g> {
    q: &'g [u8],
    /// Length of the rows that are summed over, and how many there are.
    depth: usize,
    rows: usize,
    /// Whether a row lies together; else it is a column of the stored matrix.
    is_row_major: bool,
    scale: f32,
    /// What 0 is stored as.
    zero: i16,
}

impl Matrix<'_> {
    /// The weights row by row, 128 in the middle, and the scale of each block. A block that fits keeps its weights to the
    /// last bit; one that reaches past a byte, because zero is not in its middle, is made coarser.
    ///
    /// Plain loops: this runs over sixty million weights at every start, also in builds that are not optimised.
    fn pack(&self, name: &str) -> (Tensor<'static>, Tensor<'static>) {
        let blocks = self.depth / BLOCK;
        let mut weights = Vec::with_capacity(self.depth * self.rows);
        let mut scales = Vec::with_capacity(4 * blocks * self.rows);
        let (row_step, step) = if self.is_row_major {
            (self.depth, 1)
        } else {
            (1, self.rows)
        };
        let zero = self.zero;
        for row in 0..self.rows {
            let mut at = row * row_step;
            for _ in 0..blocks {
                let mut block = [0_i16; BLOCK];
                let (mut low, mut high) = (0, 0);
                for place in &mut block {
                    let value = self.q[at].cast_signed() as i16 - zero;
                    *place = value;
                    if value < low {
                        low = value;
                    }
                    if value > high {
                        high = value;
                    }
                    at += step;
                }
                let mut scale = self.scale;
                if low < -128 || high > 127 {
                    let widest = f32::from(high.max(-low));
                    for value in &mut block {
                        *value = (f32::from(*value) * 127.0 / widest).round() as i16;
                    }
                    scale *= widest / 127.0;
                }
                for value in block {
                    weights.push((value + 128) as u8);
                }
                scales.extend_from_slice(&scale.to_le_bytes());
            }
        }
        let (rows, blocks) = (self.rows as i64, blocks as i64);
        (
            Tensor {
                name: format!("{name}_packed").into(),
                element: UINT8,
                sizes: vec![rows, blocks, BLOCK as i64],
                bytes: weights.into(),
            },
            Tensor {
                name: format!("{name}_scales").into(),
                element: FLOAT,
                sizes: vec![rows * blocks],
                bytes: scales.into(),
            },
        )
    }
}

/// The product of a node's first input and packed weights.
fn product<'a>(node: &Node<'a>, matrix: &Matrix<'_>, weights: Cow<'a, str>, scales: Cow<'a, str>) -> Node<'a> {
    Node {
        operator: "MatMulNBits".into(),
        domain: "com.microsoft".into(),
        name: node.name.clone(),
        inputs: vec![node.inputs[0].clone(), weights, scales],
        outputs: node.outputs.clone(),
        attributes: vec![
            number("K", matrix.depth as i64),
            number("N", matrix.rows as i64),
            number("bits", 8),
            number("block_size", BLOCK as i64),
            number("accuracy_level", ACCURACY_8_BITS),
        ],
    }
}

/// Looks up in the 8-bit table and unpacks what was found, instead of the whole table.
fn look_up<'a>(node: &Node<'a>, unpacking: &Unpacking<'_, 'a>) -> [Node<'a>; 4] {
    let name = &node.outputs[0];
    let found = |step: &str| Cow::from(format!("{name}_{step}"));
    let on = |like: &Node<'a>, inputs: Vec<Cow<'a, str>>, output: Cow<'a, str>| Node {
        name: output.clone(),
        inputs,
        outputs: vec![output],
        ..like.clone()
    };
    let Unpacking { cast, scaled, shifted } = unpacking;
    [
        on(
            node,
            vec![cast.inputs[0].clone(), node.inputs[1].clone()],
            found("8bit"),
        ),
        on(cast, vec![found("8bit")], found("float")),
        on(scaled, vec![found("float"), scaled.inputs[1].clone()], found("scaled")),
        on(shifted, vec![found("scaled"), shifted.inputs[1].clone()], name.clone()),
    ]
}

/// The three nodes that make floats of 8-bit weights.
struct Unpacking<'g, 'a> {
    cast: &'g Node<'a>,
    scaled: &'g Node<'a>,
    shifted: &'g Node<'a>,
}

/// Finds what makes a tensor.
struct Finder<'g, 'a> {
    makers: HashMap<&'g str, &'g Node<'a>>,
    weights: HashMap<&'g str, &'g Tensor<'a>>,
}

impl<'g, 'a> Finder<'g, 'a> {
    fn of(graph: &'g Graph<'a>) -> Self {
        let makers = graph
            .nodes
            .iter()
            .flat_map(|node| node.outputs.iter().map(move |name| (&**name, node)));
        Self {
            makers: makers.collect(),
            weights: graph.weights.iter().map(|w| (&*w.name, w)).collect(),
        }
    }

    fn maker(&self, name: &str, operator: &str) -> Option<&'g Node<'a>> {
        self.makers.get(name).copied().filter(|node| node.operator == operator)
    }

    fn unpacking(&self, name: &str) -> Option<Unpacking<'g, 'a>> {
        let shifted = self.maker(name, "Add")?;
        let scaled = self.maker(shifted.inputs.first()?, "Mul")?;
        let cast = self.maker(scaled.inputs.first()?, "Cast")?;
        Some(Unpacking { cast, scaled, shifted })
    }

    /// The matrix that is unpacked to this name, or to one that is turned over to it.
    fn matrix(&self, name: &str) -> Option<Matrix<'g>> {
        let turned = self.maker(name, "Transpose").filter(|node| node.attributes.is_empty());
        let unpacking = self.unpacking(turned.map_or(name, |node| &*node.inputs[0]))?;
        let stored = self.weights.get(&**unpacking.cast.inputs.first()?)?;
        let [first, second] = stored.sizes[..] else { return None };
        let (first, second) = (usize::try_from(first).ok()?, usize::try_from(second).ok()?);
        let (depth, rows) = if turned.is_some() {
            (second, first)
        } else {
            (first, second)
        };
        let scale = self.number(unpacking.scaled.inputs.get(1)?)?;
        let zero = -self.number(unpacking.shifted.inputs.get(1)?)? / scale;
        let whole_zero = (zero - zero.round()).abs() < 1e-3 && zero.abs() <= 128.0;
        let fits = stored.element == INT8 && depth % BLOCK == 0 && Some(stored.bytes.len()) == depth.checked_mul(rows);
        (fits && whole_zero).then(|| Matrix {
            q: &stored.bytes,
            depth,
            rows,
            is_row_major: turned.is_some(),
            scale,
            zero: zero.round() as i16,
        })
    }

    /// A weight that is one number.
    fn number(&self, name: &str) -> Option<f32> {
        let weight = self.weights.get(name).filter(|w| w.element == FLOAT)?;
        Some(f32::from_le_bytes(weight.bytes.as_ref().try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row-major matrix of 64 columns whose rows hold `q`.
    fn unpacked(weights: &Tensor<'_>, scales: &Tensor<'_>) -> Vec<f32> {
        let scales: Vec<f32> = scales
            .bytes
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
            .collect();
        let value = |(i, w): (usize, &u8)| (f32::from(*w) - 128.0) * scales[i / BLOCK];
        weights.bytes.iter().enumerate().map(value).collect()
    }

    #[test]
    fn packed_weights_are_the_stored_ones_turned_over() {
        // 32 by 2, zero at 3: the first column fits a byte, the second reaches to -131.
        let q: Vec<u8> = (0..64_i16)
            .map(|i| if i % 2 == 0 { i as u8 } else { (-128 + i) as i8 as u8 })
            .collect();
        let matrix = Matrix {
            q: &q,
            depth: 32,
            rows: 2,
            is_row_major: false,
            scale: 0.5,
            zero: 4,
        };
        let (weights, scales) = matrix.pack("w");
        assert_eq!(weights.sizes, [2, 1, 32]);
        let got = unpacked(&weights, &scales);
        for (i, value) in got.iter().enumerate() {
            let (row, at) = (i / 32, i % 32);
            let meant = 0.5 * (f32::from((q[2 * at + row] as i8) as i16) - 4.0);
            let tolerance = if row == 0 { 0.0 } else { 0.26 * 131.0 / 127.0 };
            assert!((value - meant).abs() <= tolerance, "{i}: {value} for {meant}");
        }
    }

    #[test]
    fn only_products_with_unpacked_weights_are_replaced() {
        let named = |name: &'static str, element, sizes: &[i64], bytes: Vec<u8>| Tensor {
            name: name.into(),
            element,
            sizes: sizes.to_vec(),
            bytes: bytes.into(),
        };
        let node = |operator: &'static str, inputs: &[&'static str], output: &'static str| Node {
            operator: operator.into(),
            inputs: inputs.iter().map(|i| Cow::from(*i)).collect(),
            outputs: vec![output.into()],
            ..Node::default()
        };
        let mut graph = Graph {
            weights: vec![
                named("q", INT8, &[32, 64], vec![1; 32 * 64]),
                named("scale", FLOAT, &[1], 0.5_f32.to_le_bytes().to_vec()),
                named("zero", FLOAT, &[1], 1.5_f32.to_le_bytes().to_vec()),
            ],
            nodes: vec![
                node("Cast", &["q"], "float"),
                node("Mul", &["float", "scale"], "scaled"),
                node("Add", &["scaled", "zero"], "w"),
                node("MatMul", &["x", "w"], "y"),
                node("MatMul", &["y", "x"], "z"),
                node("Gather", &["w", "ids"], "row"),
            ],
            ..Graph::default()
        };
        pack(&mut graph, Products::Packed);
        let operators: Vec<&str> = graph.nodes.iter().map(|n| &*n.operator).collect();
        assert_eq!(
            operators,
            [
                "Cast",
                "Mul",
                "Add",
                "MatMulNBits",
                "MatMul",
                "Gather",
                "Cast",
                "Mul",
                "Add"
            ]
        );
        assert_eq!(graph.nodes[3].inputs, ["x", "w_packed", "w_scales"]);
        assert_eq!(graph.nodes[5].inputs, ["q", "ids"]);
        assert_eq!(graph.nodes[8].outputs, ["row"]);
        let packed = graph.weights.iter().find(|w| w.name == "w_packed").unwrap();
        assert_eq!(packed.bytes[..], vec![132_u8; 32 * 64][..], "1 - (-3) above the middle");
    }
}
