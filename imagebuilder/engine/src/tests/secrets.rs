//! The hunt: two dozen secrets are planted and told in every way, and none is found anywhere.

use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use imagebuilder_api::BuildState;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::config::Hidden;
use crate::testing::World;

const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIPackyardTestKeyLineOneAAAAAAAAAAAAAAAAAAAAA\n\
    QyNTUxOQAAACAvZm9vYmFyYmF6cXV4LineTwoOfTheKeyAAAAAAAAAAAAAAAAAAA\n\
    -----END PRIVATE KEY-----\n";

/// Where a secret is planted, its value, and the form in which it is told.
struct Plant {
    what: &'static str,
    place: Place,
    value: String,
    told: String,
}

enum Place {
    /// A sensitive variable of the profile.
    Profile,
    /// A variable of a role, in the pack's values.
    Role,
    /// A credential of the server.
    Server,
}

fn plant(what: &'static str, place: Place, value: &str, told: impl Fn(&str) -> String) -> Plant {
    Plant {
        what,
        place,
        value: value.to_owned(),
        told: told(value),
    }
}

fn in_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn wrapped(text: &str) -> String {
    let encoded = BASE64_STANDARD.encode(text);
    let lines = encoded.as_bytes().chunks(76).map(String::from_utf8_lossy);
    lines.collect::<Vec<_>>().join("\n")
}

fn plants() -> Vec<Plant> {
    use Place::{Profile, Role, Server};
    let url = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let long = "a-long-token-".repeat(20);
    vec![
        plant(
            "a variable of the profile",
            Profile,
            "plain-hunter22",
            str::to_owned,
        ),
        plant(
            "a password in values",
            Role,
            "values-hunter22",
            str::to_owned,
        ),
        plant("a number", Profile, "9021077512", str::to_owned),
        plant("a key of many lines", Profile, PEM, str::to_owned),
        plant("one line of a key", Profile, PEM, |key| {
            key.lines().nth(2).unwrap().to_owned()
        }),
        plant("an indented key", Profile, PEM, |key| {
            key.replace('\n', "\n      ")
        }),
        plant("a key in JSON", Profile, PEM, in_json),
        plant("a key in JSON in JSON", Profile, PEM, |key| {
            in_json(&in_json(key))
        }),
        plant("base64", Profile, "base64-hunter22", |text| {
            BASE64_STANDARD.encode(text)
        }),
        plant("base64 of a line", Profile, "echo64-hunter22", |text| {
            BASE64_STANDARD.encode(format!("{text}\n"))
        }),
        plant(
            "base64 for URLs",
            Profile,
            "url64-hunter22-??>>~~",
            |text| BASE64_URL_SAFE_NO_PAD.encode(text),
        ),
        plant(
            "base64 of user and password",
            Profile,
            "basic-hunter22",
            |text| BASE64_STANDARD.encode(format!("robot:{text}")),
        ),
        plant("base64 in lines", Profile, &long, wrapped),
        plant("an escaped URL", Profile, "p@ss/word&hunter22", |text| {
            format!("https://robot:{}@db.example.com/", url(text))
        }),
        plant("a form", Profile, "two words & hunter22", |text| {
            url(text).replace("%20", "+")
        }),
        plant("quotes in JSON", Profile, "quo\"te\\hunter22", in_json),
        plant(
            "not ASCII, as Python writes it",
            Profile,
            "pässword-hunter22",
            |text| text.replace('ä', "\\u00e4"),
        ),
        plant("XML", Profile, "<hunter22>&\"more\"", |text| {
            text.replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
        }),
        plant("a word of a shell", Profile, "it's hunter22", |text| {
            format!("'{}'", text.replace('\'', "'\\''"))
        }),
        plant("hexadecimal", Profile, "hex-hunter22", |text| {
            hex::encode(text)
        }),
        plant(
            "a token in values, deep down",
            Role,
            "deep-hunter22",
            str::to_owned,
        ),
        plant(
            "the registry's password",
            Server,
            "registry-hunter22",
            str::to_owned,
        ),
        plant(
            "the registry's password in a header",
            Server,
            "header-hunter22",
            |text| {
                format!(
                    "Authorization: Basic {}",
                    BASE64_STANDARD.encode(format!("builder:{text}"))
                )
            },
        ),
    ]
}

/// All that the engine logs while it lives.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn world(plants: &[Plant]) -> World {
    let mut world = World::new().await;
    let of = |wanted: fn(&Place) -> bool| plants.iter().filter(move |one| wanted(&one.place));
    let hidden: Vec<String> = of(|place| matches!(place, Place::Server))
        .map(|one| one.value.clone())
        .collect();
    world
        .reconfigure(|config| config.hidden = Hidden(hidden))
        .await;
    let variables: Vec<Value> = of(|place| matches!(place, Place::Profile))
        .enumerate()
        .map(|(number, one)| {
            json!({"name": format!("v{number}"), "displayName": format!("V {number}"), "format": "string",
            "defaultValue": one.value, "isSensitive": true})
        })
        .collect();
    let mut in_roles =
        of(|place| matches!(place, Place::Role)).map(|one| Value::from(one.value.as_str()));
    let values = json!({"ansibleRoles": {"last_role": {
        "db_password": in_roles.next(),
        "users": [{"name": "robot", "apiToken": in_roles.next()}],
        "from_profile": "{{.spectro.var.v0}}",
    }}});
    let roles = [("last_role", "echo last")];
    world
        .publish_pack_with(
            "addon-demo",
            "addon",
            "false",
            &roles,
            json!({}),
            &values.to_string(),
        )
        .await;
    let packs = [
        ("os-demo", "os"),
        ("kubernetes", "k8s"),
        ("addon-demo", "addon"),
    ];
    world
        .publish_profile_with("demo", &packs, json!(variables))
        .await;
    let told: String = plants
        .iter()
        .map(|one| format!("{}: {}\n", one.what, one.told))
        .collect();
    world.shell.gossip(&told);
    world
        .ansible
        .gossip(Box::new(move |key| format!("{told}my key: {key}")));
    world
}

/// Everything in which a secret could be found, by name.
async fn everything(world: &World, build: &str, logged: &Logged) -> Vec<(String, Vec<u8>)> {
    let view = world.engine.build(build).await.unwrap();
    let events = world.engine.events(build, 0, 2000).await.unwrap();
    let mut all = vec![
        ("the build".to_owned(), json!(view).to_string().into_bytes()),
        (
            "its events".to_owned(),
            json!(events).to_string().into_bytes(),
        ),
        ("the log".to_owned(), logged.0.lock().unwrap().clone()),
    ];
    files(world.folder(), &mut all);
    let mut pieces = world.engine.logs(build).await.unwrap();
    let mut zip = Vec::new();
    while let Some(piece) = pieces.recv().await {
        zip.extend_from_slice(&piece.unwrap());
    }
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
    for number in 0..zip.len() {
        let mut file = zip.by_index(number).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        let name = file
            .name()
            .map(|name| name.into_owned())
            .unwrap_or_default();
        all.push((format!("zip: {name}"), [name.into_bytes(), bytes].concat()));
    }
    let published = |repository: &str| {
        repository.contains("/images/os-demo") || repository.ends_with("/stages")
    };
    let blobs = world.registry.content(published).into_iter();
    all.extend(blobs.map(|blob| ("the registry".to_owned(), blob)));
    all
}

/// Files of the builder and of its cloud. Packs are where the secrets come from.
fn files(folder: &Path, all: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            if name != "sources" && name != "packs" {
                files(&entry.path(), all);
            }
        } else {
            let bytes = std::fs::read(entry.path()).unwrap();
            all.push((
                entry.path().display().to_string(),
                [name.into_bytes(), bytes].concat(),
            ));
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn no_secret_is_found_anywhere() {
    let plants = plants();
    assert!(plants.len() >= 20);
    for fails in [false, true] {
        let logged = Logged::default();
        let log = logged.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || log.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let mut world = world(&plants).await;
        if fails {
            world.ansible.fail("roles-addon-demo", 1);
        }
        let build = world.ask().await.unwrap();
        world.start();
        let view = world.ended(&build).await;
        let expected = if fails {
            BuildState::Failed
        } else {
            BuildState::Succeeded
        };
        assert_eq!(view.state, expected, "{view:#?}");
        // As the next process finds it, which no longer knows the server's old password.
        world.restart().await;
        let all = everything(&world, &build, &logged).await;
        for wanted in [
            "zip: guest/journal.log",
            "zip: versions.json",
            "zip: ansible/output/harden-1/harden/001 Do it.txt",
        ] {
            assert!(
                all.iter().any(|(name, _)| name == wanted),
                "{wanted} is missing"
            );
        }
        assert!(
            all.iter()
                .any(|(_, bytes)| holds(bytes, "a key in JSON: ********"))
        );
        for (name, bytes) in &all {
            for plant in &plants {
                for text in [&plant.told, &plant.value] {
                    assert!(!holds(bytes, text), "{} is in {name}", plant.what);
                }
            }
            assert!(
                !holds(bytes, "OPENSSH PRIVATE KEY-----\nb3Bl"),
                "a build's key is in {name}"
            );
        }
    }
}

#[tokio::test]
async fn a_complaint_about_values_does_not_quote_them() {
    let plants = plants();
    let world = world(&plants).await;
    let values = "ansibleRoles:\n  last_role: {{.spectro.var.v0}}\n";
    let roles = [("last_role", "echo last")];
    world
        .publish_pack_with("addon-demo", "addon", "false", &roles, json!({}), values)
        .await;
    let said = world.ask().await.unwrap_err().to_string();
    assert!(
        said.contains("last_role") && !said.contains("plain-hunter22"),
        "{said}"
    );
}
