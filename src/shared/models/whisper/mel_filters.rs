//! The mel filter bank that a ggml Whisper file carries.

/// Spectrum bins of a 400-point transform.
pub const BINS: usize = 201;
const SAMPLE_RATE_HZ: f64 = 16_000.0;

/// Slaney's mel filters, area-normalised, row-major `[n_mels][201]`, from 0 to 8 kHz.
///
/// The operations and their order are those of `librosa.filters.mel` (float64 triangles stored as float32, scaled
/// afterwards), which made the published table: the result is the same to the last bit.
pub fn slaney(n_mels: usize) -> Vec<f32> {
    let top = hz_to_mel(SAMPLE_RATE_HZ / 2.0);
    let step = top / (n_mels as f64 + 1.0);
    let edges: Vec<f64> = (0..n_mels + 2)
        .map(|i| mel_to_hz(if i == n_mels + 1 { top } else { i as f64 * step }))
        .collect();
    let bin_hz = SAMPLE_RATE_HZ / 2.0 / (BINS as f64 - 1.0);
    let mut filters = Vec::with_capacity(n_mels * BINS);
    for mel in 0..n_mels {
        let (low, centre, high) = (edges[mel], edges[mel + 1], edges[mel + 2]);
        let area = 2.0 / (high - low);
        for bin in 0..BINS {
            let hz = bin as f64 * bin_hz;
            let rising = (hz - low) / (centre - low);
            let falling = (high - hz) / (high - centre);
            let triangle = rising.min(falling).max(0.0) as f32;
            filters.push((f64::from(triangle) * area) as f32);
        }
    }
    filters
}

/// Slaney's scale: linear below 1 kHz, logarithmic above.
const HZ_PER_MEL: f64 = 200.0 / 3.0;
const LOG_FROM_HZ: f64 = 1000.0;
const LOG_FROM_MEL: f64 = LOG_FROM_HZ / HZ_PER_MEL;

fn log_step() -> f64 {
    6.4_f64.ln() / 27.0
}

fn hz_to_mel(hz: f64) -> f64 {
    if hz >= LOG_FROM_HZ {
        LOG_FROM_MEL + (hz / LOG_FROM_HZ).ln() / log_step()
    } else {
        hz / HZ_PER_MEL
    }
}

fn mel_to_hz(mel: f64) -> f64 {
    if mel >= LOG_FROM_MEL {
        LOG_FROM_HZ * (log_step() * (mel - LOG_FROM_MEL)).exp()
    } else {
        HZ_PER_MEL * mel
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_published_number_of_weights_and_no_negative_zero() {
        let filters = slaney(80);
        assert_eq!(filters.len(), 80 * BINS);
        assert_eq!(filters.iter().filter(|w| **w != 0.0).count(), 391);
        assert!(filters.iter().all(|w| w.is_sign_positive()));
    }

    #[test]
    fn every_filter_has_unit_area() {
        // Area in Hz, summed over 40 Hz bins; the narrow low filters are coarsely sampled.
        for row in slaney(80).chunks(BINS).skip(30) {
            let area: f32 = row.iter().sum::<f32>() * 40.0;
            assert!((area - 1.0).abs() < 0.15, "{area}");
        }
    }
}
