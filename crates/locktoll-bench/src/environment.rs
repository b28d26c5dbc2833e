//! Facts about the machine and the build, as far as the system tells them.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

/// Facts by name. A fact that the system does not tell is absent.
pub type Environment = BTreeMap<String, Value>;

/// Reads the machine's facts now.
pub fn read(locktoll_version: &str) -> Environment {
    let mut facts = Environment::new();
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            facts.insert(name.to_owned(), value);
        }
    };
    add("locktoll_version", Some(locktoll_version.into()));
    add(
        "measured_at",
        Some(jiff::Timestamp::now().to_string().into()),
    );
    add("os", Some(std::env::consts::OS.into()));
    add("architecture", Some(std::env::consts::ARCH.into()));
    add(
        "kernel",
        line("/proc/sys/kernel/osrelease").map(Value::from),
    );
    add(
        "distribution",
        field("/etc/os-release", "PRETTY_NAME=").map(Value::from),
    );
    add(
        "cpu_model",
        field("/proc/cpuinfo", "model name").map(Value::from),
    );
    add(
        "cores",
        std::thread::available_parallelism()
            .ok()
            .map(|n| n.get().into()),
    );
    add("hypervisor", hypervisor().map(Value::from));
    add(
        "memory_kib",
        field("/proc/meminfo", "MemTotal").and_then(|text| number(&text)),
    );
    let governor = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    add("cpu_governor", line(governor).map(Value::from));
    let turbo = "/sys/devices/system/cpu/intel_pstate/no_turbo";
    add(
        "turbo_disabled",
        line(turbo).map(|text| (text == "1").into()),
    );
    add(
        "clock_source",
        line("/sys/devices/system/clocksource/clocksource0/current_clocksource").map(Value::from),
    );
    add("load_1m", load_1m().map(Value::from));
    facts
}

/// System load of the last minute.
pub(crate) fn load_1m() -> Option<f64> {
    line("/proc/loadavg")?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

fn line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let first = text.lines().next()?.trim();
    (!first.is_empty()).then(|| first.to_owned())
}

/// The value of the first line of a file that starts with `name`, without separators and quotes.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    let value = line[name.len()..]
        .trim_start_matches([' ', '\t', ':', '='])
        .trim_matches('"');
    (!value.is_empty()).then(|| value.to_owned())
}

fn number(text: &str) -> Option<Value> {
    text.split_whitespace()
        .next()?
        .parse::<u64>()
        .ok()
        .map(Value::from)
}

/// Whether the CPU says that it is virtual: such machines lend their cores to others too.
fn hypervisor() -> Option<bool> {
    field("/proc/cpuinfo", "flags").map(|flags| flags.split(' ').any(|flag| flag == "hypervisor"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_and_the_platform_are_always_there() {
        let facts = read("1.2.3");
        assert_eq!(facts["locktoll_version"], "1.2.3");
        assert_eq!(facts["os"], std::env::consts::OS);
        assert!(facts["cores"].as_u64().is_some_and(|cores| cores > 0));
    }

    #[test]
    fn an_absent_file_is_an_absent_fact() {
        assert_eq!(line("/no/such/file"), None);
        assert_eq!(field("/no/such/file", "x"), None);
    }
}
