//! Writes the encoder as an ONNX model: tokens' vectors in, their mean behind the last layer out.
//!
//! Matrices become 7-bit numbers with a scale per column and are multiplied in whole numbers: a third of the time of
//! floats, and nDCG on Greek questions stays where it was (docs/benchmarks.md). 7 and not 8 bits, because on processors
//! without VNNI the sum of two products of 8 bits overflows.

use super::file::{E5File, E5FileError, Sizes};
use crate::shared::onnx_proto::{
    Attribute, FLOAT, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_NODE, GRAPH_OUTPUT, INT8, INT64, MODEL_GRAPH, NODE_INPUT,
    NODE_OUTPUT, put, put_number, tensor, value_info,
};

/// The largest number of a matrix.
const LARGEST: f32 = 63.0;
/// Version of the file format, of ONNX's operators and of ONNX Runtime's own.
const IR_VERSION: i64 = 8;
const OPERATORS: i64 = 18;
const MICROSOFT: &str = "com.microsoft";

/// The model of this file: input `tokens` [1, n, hidden], output `mean` [1, hidden].
///
/// # Errors
/// When a tensor is missing.
pub fn encoder(file: &E5File<'_>) -> Result<Vec<u8>, E5FileError> {
    let mut graph = Graph { file, body: Vec::new() };
    put(&mut graph.body, 2, b"e5");
    let Sizes { hidden, inner, .. } = file.sizes;
    graph.floats("emb.ln.w", hidden)?;
    graph.floats("emb.ln.b", hidden)?;
    let epsilon = Attribute::Float("epsilon", file.sizes.epsilon);
    graph.node(
        "LayerNormalization",
        &["tokens", "emb.ln.w", "emb.ln.b"],
        &["l0"],
        &[epsilon],
    );
    for layer in 0..file.sizes.layers {
        let n = |name: &str| format!("l{layer}.{name}");
        let (x, attended) = (format!("l{layer}"), n("attended"));
        graph.dense(&n("qkv"), &[n("q"), n("k"), n("v")], hidden, hidden, &x)?;
        let parts = [n("queries"), n("keys"), n("values")];
        let parts = [parts[0].as_str(), parts[1].as_str(), parts[2].as_str()];
        let in_three = [Attribute::Whole("axis", -1), Attribute::Whole("num_outputs", 3)];
        graph.node("Split", &[&n("qkv.out")], &parts, &in_three);
        let heads = Attribute::Whole("num_heads", file.sizes.heads as i64);
        graph.own("MultiHeadAttention", &parts, &[&attended], &[heads]);
        graph.dense(&n("ao.m"), &[n("ao")], hidden, hidden, &attended)?;
        graph.sum_and_norm(&x, &n("ao.m.out"), &n("aln"), &n("half"))?;
        graph.dense(&n("fi.m"), &[n("fi")], inner, hidden, &n("half"))?;
        graph.own("Gelu", &[&n("fi.m.out")], &[&n("gelu")], &[]);
        graph.dense(&n("fo.m"), &[n("fo")], hidden, inner, &n("gelu"))?;
        graph.sum_and_norm(&n("half"), &n("fo.m.out"), &n("oln"), &format!("l{}", layer + 1))?;
    }
    graph.weight("axis", &[1], INT64, &1_i64.to_le_bytes());
    let last = format!("l{}", file.sizes.layers);
    graph.node(
        "ReduceMean",
        &[&last, "axis"],
        &["mean"],
        &[Attribute::Whole("keepdims", 0)],
    );
    put(&mut graph.body, GRAPH_INPUT, &value_info("tokens", FLOAT));
    put(&mut graph.body, GRAPH_OUTPUT, &value_info("mean", FLOAT));
    Ok(graph.model())
}

struct Graph<'a> {
    file: &'a E5File<'a>,
    body: Vec<u8>,
}

impl Graph<'_> {
    /// `{name}.out` = `input` times the matrices side by side, plus their biases. Inputs are rounded to 8 bits on the way.
    fn dense(
        &mut self,
        name: &str,
        parts: &[String],
        outputs: usize,
        inputs: usize,
        input: &str,
    ) -> Result<(), E5FileError> {
        let width = outputs * parts.len();
        let mut numbers = vec![0_u8; width * inputs];
        let (mut scales, mut bias) = (Vec::with_capacity(width), Vec::with_capacity(width));
        for part in parts {
            let rows = self.file.matrix(&format!("{part}.w"), outputs, inputs)?.numbers();
            for row in rows.chunks_exact(inputs) {
                let largest = row.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
                let scale = (largest / LARGEST).max(f32::MIN_POSITIVE);
                let column = scales.len();
                for (line, weight) in row.iter().enumerate() {
                    numbers[line * width + column] = (weight / scale).round_ties_even() as i8 as u8;
                }
                scales.push(scale);
            }
            bias.extend(self.file.floats(&format!("{part}.b"), outputs)?);
        }
        let names = ["q", "scale", "bias"].map(|what| format!("{name}.{what}"));
        self.weight(&names[0], &[inputs, width], INT8, &numbers);
        self.weight(&names[1], &[width], FLOAT, &bytes(&scales));
        self.weight(&names[2], &[width], FLOAT, &bytes(&bias));
        // The empty name: the weights' zero is 0.
        let inputs = [input, &names[0], &names[1], "", &names[2]];
        self.own("DynamicQuantizeMatMul", &inputs, &[&format!("{name}.out")], &[]);
        Ok(())
    }

    fn sum_and_norm(&mut self, a: &str, b: &str, norm: &str, output: &str) -> Result<(), E5FileError> {
        let (weight, bias) = (format!("{norm}.w"), format!("{norm}.b"));
        self.floats(&weight, self.file.sizes.hidden)?;
        self.floats(&bias, self.file.sizes.hidden)?;
        let epsilon = Attribute::Float("epsilon", self.file.sizes.epsilon);
        self.own("SkipLayerNormalization", &[a, b, &weight, &bias], &[output], &[epsilon]);
        Ok(())
    }

    fn floats(&mut self, name: &str, length: usize) -> Result<(), E5FileError> {
        let numbers = self.file.floats(name, length)?;
        self.weight(name, &[length], FLOAT, &bytes(&numbers));
        Ok(())
    }

    fn weight(&mut self, name: &str, sizes: &[usize], element: u64, contents: &[u8]) {
        put(
            &mut self.body,
            GRAPH_INITIALIZER,
            &tensor(name, sizes, element, contents),
        );
    }

    fn node(&mut self, operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[Attribute]) {
        self.put_node("", operator, inputs, outputs, attributes);
    }

    /// An operator of ONNX Runtime's own.
    fn own(&mut self, operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[Attribute]) {
        self.put_node(MICROSOFT, operator, inputs, outputs, attributes);
    }

    fn put_node(&mut self, domain: &str, operator: &str, inputs: &[&str], outputs: &[&str], attributes: &[Attribute]) {
        let mut node = Vec::new();
        for input in inputs {
            put(&mut node, NODE_INPUT, input.as_bytes());
        }
        for output in outputs {
            put(&mut node, NODE_OUTPUT, output.as_bytes());
        }
        put(&mut node, 4, operator.as_bytes());
        for attribute in attributes {
            put(&mut node, 5, &attribute.write());
        }
        put(&mut node, 7, domain.as_bytes());
        put(&mut self.body, GRAPH_NODE, &node);
    }

    fn model(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.body.len() + 64);
        put_number(&mut out, 1, IR_VERSION);
        put(&mut out, MODEL_GRAPH, &self.body);
        for (domain, version) in [("", OPERATORS), (MICROSOFT, 1)] {
            let mut import = Vec::new();
            put(&mut import, 1, domain.as_bytes());
            put_number(&mut import, 2, version);
            put(&mut out, 8, &import);
        }
        out
    }
}

fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}
