//! The checked-in schema is the one the types give, and every result keeps to it.

use locktoll_report::json;

use crate::fixtures;

const CHECKED_IN: &str = include_str!("../../schema/result-1.schema.json");

#[test]
fn checked_in_schema_is_the_generated_one() {
    let checked_in: serde_json::Value =
        serde_json::from_str(CHECKED_IN).expect("the checked-in schema is JSON");
    assert!(
        checked_in == json::schema(),
        "schema/result-1.schema.json is stale; write it anew with\n  cargo run -p locktoll-report \
         --example schema > crates/locktoll-report/schema/result-1.schema.json\n(the shell empties \
         the file first, which does no harm)"
    );
    assert_eq!(checked_in["title"], "locktoll.result/1");
}

#[test]
fn fixtures_keep_to_the_schema() {
    let schema = jsonschema::validator_for(&json::schema()).expect("the schema is a schema");
    for (name, run) in fixtures::all() {
        let text = json::to_string_pretty(&run).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> = schema.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

#[test]
fn schema_refuses_what_is_not_a_result() {
    let schema = jsonschema::validator_for(&json::schema()).expect("the schema is a schema");
    let mut value = serde_json::to_value(fixtures::imported()).unwrap();
    value["comparisons"][0]["verdict"] = "cheap".into();
    assert!(!schema.is_valid(&value), "an unknown verdict");
    let mut value = serde_json::to_value(fixtures::imported()).unwrap();
    value.as_object_mut().unwrap().remove("plan");
    assert!(!schema.is_valid(&value), "no plan");
}

#[test]
fn results_read_back_as_they_were_written() {
    for (name, run) in fixtures::all() {
        let text = json::to_string_pretty(&run).unwrap();
        assert_eq!(json::from_str(&text).unwrap(), run, "{name}");
    }
}

#[test]
fn errors_name_the_place_or_the_version() {
    let broken = "{\n  \"schema\": \"locktoll.result/1\",\n  \"plan\": 3\n}";
    let message = json::from_str(broken).unwrap_err().to_string();
    assert!(message.contains("line 3 column 11"), "{message}");
    assert!(
        message.starts_with("not a locktoll.result/1 file"),
        "{message}"
    );

    let newer = r#"{ "schema": "locktoll.result/2", "plans": [] }"#;
    let message = json::from_str(newer).unwrap_err().to_string();
    assert!(message.contains("locktoll.result/1") && message.contains("locktoll.result/2"));

    let cut_off = r#"{ "schema": "locktoll.result/1", "#;
    assert!(
        json::from_str(cut_off)
            .unwrap_err()
            .to_string()
            .contains("line 1 column")
    );
}
