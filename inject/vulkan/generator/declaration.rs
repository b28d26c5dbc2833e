//! From C declarations to Rust types, as `ash` writes them.

use super::registry::Variable;

/// The type of a parameter.
pub(crate) fn rust_type(variable: &Variable) -> String {
    let base = named(&variable.of);
    if let Some((_, size)) = variable.after.split_once('[') {
        let size = size.trim_end().trim_end_matches(']');
        // As a parameter, a C array is a pointer to it.
        return format!("*const [{base}; {size}]");
    }
    let mut rust = base;
    let mut is_const = variable.before.trim_start().starts_with("const ");
    let after_type = variable
        .before
        .split_once(&variable.of)
        .map_or("", |(_, rest)| rest);
    for part in after_type.split_inclusive('*') {
        if !part.contains('*') {
            break;
        }
        is_const |= part.contains("const");
        rust = format!("*{} {rust}", if is_const { "const" } else { "mut" });
        is_const = false;
    }
    // `const X* const*`: a pointer to constant pointers; the loop builds from the inside out.
    rust
}

/// What a command returns; empty for nothing.
pub(crate) fn returned(c: &str) -> String {
    match c {
        "void" => "()".into(),
        other => named(other),
    }
}

fn named(c: &str) -> String {
    match c {
        "void" => "c_void".into(),
        "char" => "c_char".into(),
        "int" => "c_int".into(),
        "float" => "f32".into(),
        "double" => "f64".into(),
        "size_t" => "usize".into(),
        "uint8_t" => "u8".into(),
        "uint16_t" => "u16".into(),
        "uint32_t" => "u32".into(),
        "uint64_t" => "u64".into(),
        "int32_t" => "i32".into(),
        "int64_t" => "i64".into(),
        vulkan => {
            let name = vulkan.strip_prefix("Vk").unwrap_or(vulkan);
            // One bit is of the type of its set of bits.
            format!("vk::{}", name.replace("FlagBits", "Flags"))
        }
    }
}

/// `pWaitSemaphores` as `p_wait_semaphores`.
pub(crate) fn snake_case(camel: &str) -> String {
    let mut snake = String::new();
    let mut before = '_';
    let mut letters = camel.chars().peekable();
    while let Some(letter) = letters.next() {
        let begins_word = letter.is_ascii_uppercase()
            && (!before.is_ascii_uppercase()
                || letters.peek().is_some_and(char::is_ascii_lowercase));
        if begins_word && before != '_' {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
        before = letter;
    }
    match snake.as_str() {
        "type" | "ref" | "move" => snake + "_",
        _ => snake,
    }
}
