//! The configuration as its users meet it: complaints with places, suggestions, precedence.

use super::{
    AuthConfig, LogConfig, LogFormat, Section, ServerConfig, apply_environment, apply_file,
    reference,
};

#[derive(Default)]
struct All {
    server: ServerConfig,
    auth: AuthConfig,
    log: LogConfig,
}

impl All {
    fn sections(&mut self) -> [&mut dyn Section; 3] {
        [&mut self.server, &mut self.auth, &mut self.log]
    }
}

fn complaints(text: &str) -> String {
    let mut all = All::default();
    match apply_file(text, "x.toml", &mut all.sections()) {
        Ok(()) => String::new(),
        Err(errors) => errors.to_string(),
    }
}

#[test]
fn every_complaint_has_line_column_and_key() {
    let check = |text: &str, expect: &[&str]| {
        let told = complaints(text);
        assert_eq!(told.lines().count(), expect.len(), "{told}");
        for (line, expect) in told.lines().zip(expect) {
            assert!(
                line.starts_with(expect),
                "{line:?} does not begin with {expect:?}"
            );
        }
    };
    check("[server]\nlisten = \"127.0.0.1:0\"\n", &[]);
    check(
        "[server]\nlissten = \"127.0.0.1:0\"\n",
        &["x.toml:2:1: server.lissten: no such key; did you mean listen?"],
    );
    check(
        "[sever]\nlisten = 1\n",
        &["x.toml:1:2: sever: no such table; did you mean server?"],
    );
    check(
        "[server]\n  listen = 5000\n",
        &["x.toml:2:12: server.listen: "],
    );
    check("server = 1\n", &["x.toml:1:10: server: is not a table"]);
    check(
        "[log]\nformat = \"yaml\"\n",
        &["x.toml:2:10: log.format: unknown variant"],
    );
    check("[server\n", &["x.toml:1:"]);
    check(
        "[zzz]\na = 1\n[server]\ninsecure = 3\nxyz = 1\n",
        &[
            "x.toml:1:2: zzz: no such table; the tables are",
            "x.toml:4:12: server.insecure",
            "x.toml:5:1: server.xyz",
        ],
    );
}

#[test]
fn the_environment_wins_over_the_file() {
    let mut all = All::default();
    let text = "[server]\ndata = \"from-file\"\nmax_connections = 7\n[log]\nformat = \"text\"\n";
    apply_file(text, "x.toml", &mut all.sections()).expect("a good file");
    let environment = |name: &str| match name {
        "PACKYARD_DATA" => Some("from-environment".to_owned()),
        "PACKYARD_INSECURE" => Some("true".to_owned()),
        "PACKYARD_STALL_TIMEOUT_SECS" => Some("9".to_owned()),
        "PACKYARD_LOG_FORMAT" => Some("json".to_owned()),
        _ => None,
    };
    apply_environment(environment, &mut all.sections()).expect("a good environment");
    assert_eq!(all.server.data.to_str(), Some("from-environment"));
    assert_eq!(all.server.max_connections, 7);
    assert_eq!(all.server.stall_timeout_secs, 9);
    assert!(all.server.insecure);
    assert_eq!(all.log.format, LogFormat::Json);
}

#[test]
fn a_bad_variable_is_named() {
    let mut all = All::default();
    let environment = |name: &str| (name == "PACKYARD_LISTEN").then(|| "nowhere".to_owned());
    let errors = apply_environment(environment, &mut all.sections()).expect_err("no address");
    let told = errors.to_string();
    assert!(
        told.starts_with("environment variable PACKYARD_LISTEN: server.listen: "),
        "{told}"
    );
}

#[test]
fn the_reference_names_every_key_with_default_and_variable() {
    let mut all = All::default();
    let keys: Vec<(String, &str)> = all
        .sections()
        .iter()
        .flat_map(|section| {
            let name = section.name();
            section
                .fields()
                .into_iter()
                .map(move |field| (format!("{name}.{}", field.key), field.environment))
        })
        .collect();
    let text = reference(&[&all.server, &all.auth, &all.log]);
    for (key, variable) in keys {
        assert!(text.contains(&format!("### `{key}`")), "{key}");
        assert!(text.contains(&format!("`{variable}`")), "{variable}");
    }
    assert!(text.contains("- Default: `\"127.0.0.1:5000\"`"), "{text}");
    assert!(text.contains("- Default: not set"));
}
