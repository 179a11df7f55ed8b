//! How this engine was built and what the processor has, for bug reports.

use pyo3::{prelude::*, types::PyDict};
use wirebook_abi::{ABI_VERSION, EVENT_LAYOUT_HASH};

/// Version, build profile, decoder ABI and processor features.
#[pyfunction]
pub fn build_info(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let info = PyDict::new(py);
    info.set_item("version", env!("CARGO_PKG_VERSION"))?;
    info.set_item("profile", if cfg!(debug_assertions) { "debug" } else { "release" })?;
    info.set_item("target", format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS))?;
    info.set_item("abi_version", ABI_VERSION)?;
    info.set_item("event_layout_hash", format!("{EVENT_LAYOUT_HASH:#018x}"))?;
    info.set_item("cpu_features", cpu_features())?;
    Ok(info)
}

/// Features of this processor that matter here, of those that it has.
fn cpu_features() -> Vec<&'static str> {
    #[cfg(target_arch = "x86_64")]
    {
        let features = [
            ("sse4.2", std::arch::is_x86_feature_detected!("sse4.2")),
            ("popcnt", std::arch::is_x86_feature_detected!("popcnt")),
            ("bmi2", std::arch::is_x86_feature_detected!("bmi2")),
            ("avx2", std::arch::is_x86_feature_detected!("avx2")),
            ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ];
        features.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        Vec::new()
    }
}
