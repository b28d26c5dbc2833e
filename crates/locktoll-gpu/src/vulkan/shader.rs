//! From WGSL to SPIR-V.

use naga::back::spv;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ValidationFlags, Validator};

use crate::Error;

/// The entry point of every shader.
pub(super) const ENTRY: &std::ffi::CStr = c"main";

/// A compute shader.
pub(super) struct Shader {
    pub(super) name: &'static str,
    source: &'static str,
}

pub(super) static AXPY: Shader = Shader {
    name: "axpy",
    source: include_str!("shaders/axpy.wgsl"),
};
pub(super) static MLP_LAYER: Shader = Shader {
    name: "mlp_layer",
    source: include_str!("shaders/mlp_layer.wgsl"),
};
pub(super) static TIMED: Shader = Shader {
    name: "timed",
    source: include_str!("shaders/timed.wgsl"),
};

impl Shader {
    /// The shader as SPIR-V words.
    ///
    /// Indices are not checked on the device, since a dispatch is checked when it is recorded; nor
    /// are loops bounded, which would cost each iteration as much as it does.
    pub(super) fn compile(&self) -> Result<Vec<u32>, Error> {
        let refused = |message: String| Error::Shader {
            name: self.name,
            message,
        };
        let module = naga::front::wgsl::parse_str(self.source)
            .map_err(|error| refused(error.emit_to_string(self.source)))?;
        let info = Validator::new(ValidationFlags::all(), Capabilities::IMMEDIATES)
            .validate(&module)
            .map_err(|error| refused(error.emit_to_string(self.source)))?;
        let unchecked = BoundsCheckPolicy::Unchecked;
        let options = spv::Options {
            lang_version: (1, 3),
            bounds_check_policies: BoundsCheckPolicies {
                index: unchecked,
                buffer: unchecked,
                image_load: unchecked,
                binding_array: unchecked,
            },
            zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
            force_loop_bounding: false,
            ..spv::Options::default()
        };
        spv::write_vec(&module, &info, &options, None).map_err(|error| refused(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shader_compiles() {
        const MAGIC: u32 = 0x0723_0203;
        for shader in [&AXPY, &MLP_LAYER, &TIMED] {
            let words = shader.compile().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(words[0], MAGIC, "{}", shader.name);
        }
    }

    #[test]
    fn a_broken_shader_is_an_error_that_shows_the_place() {
        let broken = Shader {
            name: "broken",
            source: "fn main( {}",
        };
        let said = broken.compile().unwrap_err().to_string();
        assert!(
            said.contains("broken") && said.contains("fn main( {}"),
            "{said}"
        );
    }
}
