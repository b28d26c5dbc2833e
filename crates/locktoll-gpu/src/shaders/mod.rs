//! The kernels as shaders in WGSL, and what the drivers take instead of it.

#[cfg(any(test, target_os = "macos"))]
mod msl;
mod spirv;

use naga::Module;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};

#[cfg(target_os = "macos")]
pub(crate) use self::msl::{ARGUMENTS, Msl};
use crate::{Error, Kernel};

/// The entry point of every shader.
pub(crate) const ENTRY: &std::ffi::CStr = c"main";

/// Threads of a workgroup of `axpy.wgsl`.
pub(crate) const AXPY_WIDTH: u32 = 128;

/// A compute shader.
pub(crate) struct Shader {
    pub(crate) name: &'static str,
    source: &'static str,
}

static AXPY: Shader = Shader {
    name: "axpy",
    source: include_str!("axpy.wgsl"),
};
static MLP_LAYER: Shader = Shader {
    name: "mlp_layer",
    source: include_str!("mlp_layer.wgsl"),
};
static TIMED: Shader = Shader {
    name: "timed",
    source: include_str!("timed.wgsl"),
};

/// Indices are not checked on the device, since a dispatch is checked when it is recorded.
const UNCHECKED: BoundsCheckPolicies = BoundsCheckPolicies {
    index: BoundsCheckPolicy::Unchecked,
    buffer: BoundsCheckPolicy::Unchecked,
    image_load: BoundsCheckPolicy::Unchecked,
    binding_array: BoundsCheckPolicy::Unchecked,
};

impl Shader {
    /// The kernel's shader.
    pub(crate) const fn of(kernel: Kernel) -> &'static Self {
        match kernel {
            Kernel::Axpy => &AXPY,
            Kernel::MlpLayer { .. } => &MLP_LAYER,
            Kernel::Timed { .. } => &TIMED,
        }
    }

    /// What the shader means, validated.
    fn module(&self) -> Result<(Module, ModuleInfo), Error> {
        let module = naga::front::wgsl::parse_str(self.source)
            .map_err(|error| self.refused(error.emit_to_string(self.source)))?;
        let info = Validator::new(ValidationFlags::all(), Capabilities::IMMEDIATES)
            .validate(&module)
            .map_err(|error| self.refused(error.emit_to_string(self.source)))?;
        Ok((module, info))
    }

    fn refused(&self, message: String) -> Error {
        Error::Shader {
            name: self.name,
            message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const ALL: [&Shader; 3] = [&AXPY, &MLP_LAYER, &TIMED];

    #[test]
    fn the_host_knows_how_wide_a_workgroup_is() {
        let (module, _) = AXPY.module().unwrap();
        assert_eq!(module.entry_points[0].workgroup_size, [AXPY_WIDTH, 1, 1]);
    }

    #[test]
    fn a_broken_shader_is_an_error_that_shows_the_place() {
        let broken = Shader {
            name: "broken",
            source: "fn main( {}",
        };
        let said = broken.module().unwrap_err().to_string();
        assert!(
            said.contains("broken") && said.contains("fn main( {}"),
            "{said}"
        );
    }
}
