//! From WGSL to SPIR-V, for Vulkan.

use naga::back::spv;

use super::{Shader, UNCHECKED};
use crate::Error;

impl Shader {
    /// The shader as SPIR-V words.
    ///
    /// Loops are not bounded, which would cost each iteration as much as it does.
    pub(crate) fn spirv(&self) -> Result<Vec<u32>, Error> {
        let (module, info) = self.module()?;
        let options = spv::Options {
            lang_version: (1, 3),
            bounds_check_policies: UNCHECKED,
            zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
            force_loop_bounding: false,
            ..spv::Options::default()
        };
        spv::write_vec(&module, &info, &options, None)
            .map_err(|error| self.refused(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ALL;

    #[test]
    fn every_shader_compiles() {
        const MAGIC: u32 = 0x0723_0203;
        for shader in ALL {
            let words = shader.spirv().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(words[0], MAGIC, "{}", shader.name);
        }
    }
}
