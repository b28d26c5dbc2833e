//! From WGSL to the Metal Shading Language, for Metal.

use naga::AddressSpace;
use naga::back::msl;
use naga::proc::Layouter;

use super::{Shader, UNCHECKED};
use crate::Error;
use crate::program::SINK;

/// The index of the shaders' `Arguments` in Metal's table of buffers, behind the slots and the sink.
pub(crate) const ARGUMENTS: u32 = SINK + 1;
/// The index of the buffers' sizes, which the compiler's text declares and these shaders never read:
/// nothing is bound there.
const SIZES: u32 = ARGUMENTS + 1;

/// A shader as Metal takes it.
#[derive(Debug)]
pub(crate) struct Msl {
    /// The text. Bindings have their WGSL number as their index in the table of buffers.
    pub(crate) source: String,
    /// The name of its function.
    pub(crate) function: String,
    /// GPU threads of a threadgroup, in a line.
    pub(crate) width: u32,
    /// Bytes of threadgroup memory by index; the encoder must be told.
    pub(crate) shared: Vec<u32>,
}

impl Shader {
    /// The shader as Metal takes it.
    ///
    /// Loops are not bounded, as for Vulkan.
    pub(crate) fn msl(&self) -> Result<Msl, Error> {
        let (module, info) = self.module()?;
        let entry = &module.entry_points[0];
        let resources = module
            .global_variables
            .iter()
            .filter_map(|(_, variable)| {
                let binding = variable.binding?;
                let target = msl::BindTarget {
                    buffer: Some(index(binding.binding)),
                    mutable: writes(variable.space),
                    ..msl::BindTarget::default()
                };
                Some((binding, target))
            })
            .collect();
        let resources = msl::EntryPointResources {
            resources,
            immediates_buffer: Some(index(ARGUMENTS)),
            sizes_buffer: Some(index(SIZES)),
        };
        let options = msl::Options {
            // Of macOS 10.15: any machine that still has a driver.
            lang_version: (2, 2),
            per_entry_point_map: [(entry.name.clone(), resources)].into(),
            fake_missing_bindings: false,
            bounds_check_policies: UNCHECKED,
            zero_initialize_workgroup_memory: false,
            force_loop_bounding: false,
            ..msl::Options::default()
        };
        let (source, translated) =
            msl::write_string(&module, &info, &options, &msl::PipelineOptions::default())
                .map_err(|error| self.refused(error.to_string()))?;
        let function = match translated.entry_point_names.into_iter().next() {
            Some(Ok(name)) => name,
            Some(Err(error)) => return Err(self.refused(error.to_string())),
            None => return Err(self.refused("no entry point".to_owned())),
        };
        let mut layouts = Layouter::default();
        layouts
            .update(module.to_ctx())
            .map_err(|error| self.refused(error.to_string()))?;
        let shared = module
            .global_variables
            .iter()
            .filter(|(_, variable)| variable.space == AddressSpace::WorkGroup)
            .map(|(_, variable)| layouts[variable.ty].size.next_multiple_of(16))
            .collect();
        Ok(Msl {
            source,
            function,
            width: entry.workgroup_size[0],
            shared,
        })
    }
}

const fn writes(space: AddressSpace) -> bool {
    match space {
        AddressSpace::Storage { access } => access.contains(naga::StorageAccess::STORE),
        _ => false,
    }
}

/// An index in Metal's table, which has 31; the shaders' are at most [`SIZES`].
fn index(number: u32) -> msl::Slot {
    number.try_into().unwrap_or(msl::Slot::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::tests::ALL;
    use super::*;

    fn text(shader: &Shader) -> Msl {
        shader.msl().unwrap_or_else(|error| panic!("{error}"))
    }

    /// The parameters of the function, each with its attribute.
    fn parameters(msl: &Msl) -> Vec<&str> {
        let head = format!("kernel void {}(", msl.function);
        let (_, after) = msl.source.split_once(&head).expect("the function");
        let (parameters, _) = after.split_once("\n) {").expect("its end");
        parameters
            .split('\n')
            .map(|line| line.trim_start_matches([',', ' ']))
            .filter(|line| !line.is_empty())
            .collect()
    }

    #[test]
    fn every_binding_is_at_its_own_number() {
        for (shader, bindings) in ALL.into_iter().zip([
            &["x [[buffer(0)]]", "y [[buffer(1)]]"][..],
            &[
                "weights [[buffer(0)]]",
                "bias [[buffer(1)]]",
                "x [[buffer(2)]]",
                "y [[buffer(3)]]",
            ],
            &["sink [[buffer(4)]]"],
        ]) {
            let msl = text(shader);
            let parameters = parameters(&msl);
            for ending in bindings.iter().chain(&["arguments [[buffer(5)]]"]) {
                let found = parameters.iter().filter(|one| one.ends_with(ending));
                assert_eq!(found.count(), 1, "{ending}: {parameters:#?}");
            }
            let buffers = parameters.iter().filter(|one| one.contains("[[buffer("));
            // With the arguments, and the sizes.
            assert_eq!(buffers.count(), bindings.len() + 2, "{parameters:#?}");
        }
    }

    #[test]
    fn what_is_only_read_is_constant_to_metal_too() {
        let msl = text(&super::super::MLP_LAYER);
        let parameters = parameters(&msl);
        let is_constant = |name: &str| {
            let parameter = parameters.iter().find(|one| one.contains(name));
            let parameter = parameter.unwrap_or_else(|| panic!("{name}: {parameters:#?}"));
            parameter.contains("const&") || parameter.starts_with("constant ")
        };
        for name in [" weights [[", " bias [[", " x [[", " arguments [["] {
            assert!(is_constant(name), "{name}: {parameters:#?}");
        }
        assert!(!is_constant(" y [["), "{parameters:#?}");
    }

    #[test]
    fn sizes_are_declared_but_never_read_so_nothing_is_bound_there() {
        for shader in ALL {
            let msl = text(shader);
            assert!(!msl.source.contains("_buffer_sizes."), "{}", msl.source);
            let declared = format!("_buffer_sizes [[buffer({SIZES})]]");
            assert!(msl.source.contains(&declared), "{}", msl.source);
        }
    }

    #[test]
    fn threadgroups_are_as_wide_and_have_as_much_memory_as_the_shader_says() {
        let of = |shader: &Shader| {
            let msl = text(shader);
            (msl.width, msl.shared)
        };
        assert_eq!(of(ALL[0]), (super::super::AXPY_WIDTH, vec![]));
        assert_eq!(of(ALL[1]), (64, vec![64 * 4]));
        assert_eq!(of(ALL[2]), (128, vec![]));
        // The memory is the parameter with index 0 that the encoder is told of.
        let msl = text(ALL[1]);
        let shared = parameters(&msl);
        let shared: Vec<_> = shared
            .iter()
            .filter(|one| one.starts_with("threadgroup "))
            .collect();
        assert_eq!(shared.len(), 1, "{shared:?}");
    }

    #[test]
    fn the_arguments_lie_as_the_host_writes_them() {
        let fields = "struct Arguments {\n    float value_0_;\n    float value_1_;\n    float value_2_;\n    \
                      float value_3_;\n    uint threads;\n    uint inputs;\n    uint relu;\n    \
                      uint iterations;\n};";
        for shader in ALL {
            let msl = text(shader);
            assert!(msl.source.contains(fields), "{}", msl.source);
        }
    }
}
