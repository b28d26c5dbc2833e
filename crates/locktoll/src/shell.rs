//! Command lines as a person can paste them.

/// Joins arguments, quoting those that a POSIX shell would split or expand.
pub fn join(arguments: &[String]) -> String {
    let quoted: Vec<String> = arguments.iter().map(|argument| quote(argument)).collect();
    quoted.join(" ")
}

fn quote(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=:,./+@%".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_words_stay_plain() {
        let line = ["locktoll", "trial", "--soft", "service=100us,hold=0"].map(str::to_owned);
        assert_eq!(join(&line), "locktoll trial --soft service=100us,hold=0");
    }

    proptest! {
        #[test]
        fn a_shell_reads_back_what_was_joined(words in prop::collection::vec("[ -~]{0,8}", 1..4)) {
            let mut line = vec!["printf".to_owned(), "%s\\n".to_owned()];
            line.extend(words.iter().cloned());
            let out = std::process::Command::new("/bin/sh").arg("-c").arg(join(&line)).output().unwrap();
            let expected = words.join("\n") + "\n";
            prop_assert_eq!(String::from_utf8(out.stdout).unwrap(), expected);
        }
    }
}
