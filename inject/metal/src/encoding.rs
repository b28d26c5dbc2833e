//! What a method's type encoding says about how it is called.
//!
//! Two compilers encode one signature differently: with other offsets in the frame, qualifiers, names
//! of structures, and letters for `BOOL`. None of that changes how arguments are passed. So both the
//! encoding that a runtime reports and the one that a wrapper was compiled with are brought into one
//! canonical form, and a method is replaced only where the two are the same.
//!
//! | in the canonical form | stands for |
//! |---|---|
//! | `@` | an object or a block |
//! | `^` | any pointer but to an object, class or selector |
//! | `#`, `:` | class, selector |
//! | `C`, `S`, `I`, `Q` | an integer of 1, 2, 4, 8 bytes |
//! | `f`, `d`, `D`, `v` | `float`, `double`, `long double`, `void` |
//! | `{…}`, `(…)`, `[N…]` | structure, union, array of the types inside |

/// The canonical form, or `None` if the text is no encoding of a signature that could be compared:
/// one with bit-fields, with a structure of unknown fields, or one that ends within a type.
pub(crate) fn canonical(encoding: &str) -> Option<String> {
    let mut text = encoding.as_bytes();
    let mut canonical = String::new();
    while !text.is_empty() {
        text = one(text, &mut canonical)?;
        // Where the argument lies in the caller's frame; with a sign where a register is meant.
        text = skip(text, |byte| {
            byte.is_ascii_digit() || matches!(byte, b'+' | b'-')
        });
    }
    (!canonical.is_empty()).then_some(canonical)
}

/// Takes one type from the text; the rest.
fn one<'a>(text: &'a [u8], canonical: &mut String) -> Option<&'a [u8]> {
    // Qualifiers: const, in, inout, out, bycopy, byref, oneway, atomic, complex is none.
    let text = skip(text, |byte| b"rnNoORVA".contains(&byte));
    let (&first, rest) = text.split_first()?;
    let letter = match first {
        b'@' => {
            canonical.push('@');
            return Some(after_object(rest));
        }
        b'^' => {
            canonical.push('^');
            // What it leads to does not matter, and may be a structure that nobody knows.
            return skip_one(rest);
        }
        b'*' => '^',
        b'c' | b'C' | b'B' => 'C',
        b's' | b'S' => 'S',
        b'i' | b'I' | b'l' | b'L' => 'I',
        b'q' | b'Q' => 'Q',
        b'f' | b'd' | b'D' | b'v' | b'#' | b':' => char::from(first),
        b'{' => return group(rest, '{', b'}', canonical),
        b'(' => return group(rest, '(', b')', canonical),
        b'[' => return array(rest, canonical),
        _ => return None,
    };
    canonical.push(letter);
    Some(rest)
}

/// After `@`: nothing, `?` for a block, with its signature in `<…>`, or a class name in quotes.
fn after_object(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b"?").unwrap_or(text);
    if let Some(quoted) = text.strip_prefix(b"\"") {
        let end = quoted.iter().position(|&byte| byte == b'"');
        return end.map_or(&[], |end| &quoted[end + 1..]);
    }
    match text.first() {
        Some(b'<') => balanced(text, b'<', b'>').unwrap_or(&[]),
        _ => text,
    }
}

/// A structure's or union's fields, after its opening bracket.
fn group<'a>(text: &'a [u8], open: char, close: u8, canonical: &mut String) -> Option<&'a [u8]> {
    let name = text
        .iter()
        .position(|&byte| byte == b'=' || byte == close)?;
    if text[name] == close {
        return None;
    }
    canonical.push(open);
    let mut text = &text[name + 1..];
    while *text.first()? != close {
        text = one(field_type(text)?, canonical)?;
    }
    canonical.push(char::from(close));
    Some(&text[1..])
}

/// A field may have its name in quotes before its type.
fn field_type(text: &[u8]) -> Option<&[u8]> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        return Some(text);
    };
    let end = quoted.iter().position(|&byte| byte == b'"')?;
    Some(&quoted[end + 1..])
}

fn array<'a>(text: &'a [u8], canonical: &mut String) -> Option<&'a [u8]> {
    canonical.push('[');
    let rest = skip(text, |byte| byte.is_ascii_digit());
    canonical.push_str(core::str::from_utf8(&text[..text.len() - rest.len()]).ok()?);
    let rest = one(rest, canonical)?.strip_prefix(b"]")?;
    canonical.push(']');
    Some(rest)
}

/// Leaves one type out, whatever it is.
fn skip_one(text: &[u8]) -> Option<&[u8]> {
    let text = skip(text, |byte| b"rnNoORVA".contains(&byte));
    match *text.first()? {
        b'{' => balanced(text, b'{', b'}'),
        b'(' => balanced(text, b'(', b')'),
        b'[' => balanced(text, b'[', b']'),
        b'^' => skip_one(&text[1..]),
        b'@' => Some(after_object(&text[1..])),
        b'b' => Some(skip(&text[1..], |byte| byte.is_ascii_digit())),
        _ => Some(&text[1..]),
    }
}

/// What follows the bracket that closes the first one.
fn balanced(text: &[u8], open: u8, close: u8) -> Option<&[u8]> {
    let mut depth = 0_usize;
    for (at, &byte) in text.iter().enumerate() {
        if byte == open {
            depth += 1;
        } else if byte == close {
            depth -= 1;
            if depth == 0 {
                return Some(&text[at + 1..]);
            }
        }
    }
    None
}

fn skip(text: &[u8], which: impl Fn(u8) -> bool) -> &[u8] {
    let kept = text.iter().position(|&byte| !which(byte));
    &text[kept.unwrap_or(text.len())..]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_two_compilers_say_of_one_signature_is_the_same() {
        for (apple, gcc, form) in [
            ("v40@0:8@16Q24Q32", "v40@0:8@16Q24Q32", "v@:@QQ"),
            (
                "v64@0:8{?=QQQ}16{?=QQQ}40",
                "v64@0:8{?=QQQ}16{MTLSize=QQQ}40",
                "v@:{QQQ}{QQQ}",
            ),
            (
                "v48@0:8r^@16r^Q24{_NSRange=QQ}32",
                "v48@0:8^r@16^rQ24{_NSRange=QQ}32",
                "v@:^^{QQ}",
            ),
            ("v36@0:8@16Q24B32", "v36@0:8@16Q24C32", "v@:@QC"),
            ("Vv16@0:8", "Vv16@0:8", "v@:"),
            ("v24@0:8@?16", "v24@0:8@?16", "v@:@"),
            (
                "@24@0:8@\"MTLRenderPassDescriptor\"16",
                "@24@0:8@16",
                "@@:@",
            ),
            ("v20@0:8f16", "v20@0:8f16", "v@:f"),
            (
                "v64@0:8{?={?=QQQ}{?=QQQ}}16",
                "v64@0:8{MTLRegion={?=QQQ}{?=QQQ}}16",
                "v@:{{QQQ}{QQQ}}",
            ),
            ("v24@0:8^{Opaque}16", "v24@0:8^{Opaque={Part}}16", "v@:^"),
            ("v24@0:8@?<v@?@>16", "v24@0:8@?16", "v@:@"),
            (
                "v28@0:8{?=[4f](?=iI)}16",
                "v28@0:8{a=\"x\"[4f](b=ii)}16",
                "v@:{[4f](II)}",
            ),
        ] {
            assert_eq!(canonical(apple).as_deref(), Some(form), "{apple}");
            assert_eq!(canonical(gcc).as_deref(), Some(form), "{gcc}");
        }
    }

    #[test]
    fn what_is_passed_differently_is_different() {
        let forms = [
            "v@:Q",
            "v@:I",
            "v@:C",
            "v@:@",
            "v@:^v",
            "v@:f",
            "v@:d",
            "v@:{?=Q}",
            "v@:{?=QQ}",
            "v@:{?=Qf}",
            "v@:[2Q]",
            "v@:[3Q]",
            "v@:(?=QQ)",
            "@@:Q",
            "v@:QQ",
            "v@::",
            "v@:#",
            "v@:s",
        ];
        for (index, one) in forms.iter().enumerate() {
            assert!(canonical(one).is_some(), "{one}");
            for other in &forms[index + 1..] {
                assert_ne!(canonical(one), canonical(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        for text in [
            "",
            "v@:{Unknown}",
            "v@:{?=b3}",
            "v@:{?=Q",
            "v@:[3",
            "v@:^",
            "v@:x",
            "v@:{?",
            "v@:(?=i",
        ] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_it(text in "[@:#^*cCBiIqQfdv{}()=?\"<>\\[\\]0-9rNnb a-z-]{0,40}") {
            if let Some(form) = canonical(&text) {
                // The fields of a structure need a name before them to be read again.
                let again = form.replace('{', "{?=").replace('(', "(?=").replace('^', "^v");
                prop_assert_eq!(canonical(&again), Some(form));
            }
        }
    }
}
