//! Says what differs between two images, down to the file of a role.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::chain::Chain;
use super::inputs::StageInputs;
use super::sentence::Place;

/// One input that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Where, such as `stages[3].roles[0].files["tasks/main.yml"].digest`.
    pub path: String,
    /// What the first image has; `null` where it has nothing there.
    pub left: Option<Value>,
    /// What the second image has.
    pub right: Option<Value>,
    /// The same for people.
    pub message: String,
}

/// All inputs that differ. Stages are matched by what they are, roles and
/// components by name, so that one more role does not make all others differ.
pub fn diff(left: &Chain, right: &Chain) -> Vec<Difference> {
    let mut differences = Vec::new();
    let names: Vec<_> = left.stages().iter().map(StageInputs::name).collect();
    for (index, stage) in left.stages().iter().enumerate() {
        let other = right
            .stages()
            .iter()
            .find(|other| other.name() == stage.name());
        diff_stage(index, Some(stage), other, &mut differences);
    }
    for (index, stage) in right.stages().iter().enumerate() {
        if !names.contains(&stage.name()) {
            diff_stage(index, None, Some(stage), &mut differences);
        }
    }
    let order = |chain: &Chain, other: &Chain| -> Vec<_> {
        let others: BTreeSet<_> = other.stages().iter().map(StageInputs::name).collect();
        chain
            .stages()
            .iter()
            .map(StageInputs::name)
            .filter(|name| others.contains(name))
            .collect()
    };
    let (left_order, right_order) = (order(left, right), order(right, left));
    if left_order != right_order {
        differences.push(order_difference(
            "stages",
            "stages",
            &left_order,
            &right_order,
        ));
    }
    differences
}

pub(super) fn diff_stage(
    index: usize,
    left: Option<&StageInputs>,
    right: Option<&StageInputs>,
    differences: &mut Vec<Difference>,
) {
    let either = left.or(right);
    let place = Place {
        stage: either.map(StageInputs::name).unwrap_or_default(),
        pack: either.and_then(pack_of),
        ..Place::default()
    };
    let value = |stage: &StageInputs| serde_json::to_value(stage).expect("inputs are plain JSON");
    let (left, right) = (left.map(value), right.map(value));
    let mut found = Vec::new();
    let skipped = |side: Option<&Value>| side.is_some_and(|stage| stage.get("skipped").is_some());
    if left.is_none() || right.is_none() || skipped(left.as_ref()) != skipped(right.as_ref()) {
        let message = whole_stage(&place, left.as_ref(), right.as_ref());
        found.push(Difference {
            path: format!("stages[{index}]"),
            left,
            right,
            message,
        });
    } else {
        walk(
            &format!("stages[{index}]"),
            place,
            left.as_ref(),
            right.as_ref(),
            &mut found,
        );
    }
    // The digest of a pack covers its roles; where a role's file differs, it says nothing new.
    if found
        .iter()
        .any(|difference| !is_pack_digest(&difference.path))
    {
        found.retain(|difference| !is_pack_digest(&difference.path));
    }
    differences.append(&mut found);
}

fn whole_stage(place: &Place, left: Option<&Value>, right: Option<&Value>) -> String {
    let stage = &place.stage;
    match (left, right) {
        (Some(_), None) => format!("stage {stage} is only in the first image"),
        (None, _) => format!("stage {stage} is only in the second image"),
        (Some(left), Some(_)) if left.get("skipped").is_some() => {
            format!("stage {stage} is skipped in the first image")
        }
        (Some(_), Some(_)) => format!("stage {stage} is skipped in the second image"),
    }
}

fn is_pack_digest(path: &str) -> bool {
    path.ends_with("].pack.digest")
}

fn pack_of(stage: &StageInputs) -> Option<String> {
    let pack = match stage {
        StageInputs::Kubernetes(inputs) => &inputs.pack,
        StageInputs::Roles(inputs) => &inputs.pack,
        StageInputs::Part(inputs) => return Some(inputs.pack.clone()),
        _ => return None,
    };
    Some(format!("{} {}", pack.name, pack.version))
}

fn walk(
    path: &str,
    place: Place,
    left: Option<&Value>,
    right: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    if left == right {
        return;
    }
    match (left, right) {
        // A variable's value is compared and shown whole.
        (Some(Value::Object(left)), Some(Value::Object(right))) if place.variable.is_none() => {
            walk_object(path, &place, left, right, found);
        }
        (Some(Value::Array(left)), Some(Value::Array(right))) if place.variable.is_none() => {
            walk_named(path, &place, left, right, found);
        }
        _ => {
            let message = place.sentence(left, right);
            found.push(Difference {
                path: path.to_owned(),
                left: left.cloned(),
                right: right.cloned(),
                message,
            });
        }
    }
}

fn walk_object(
    path: &str,
    place: &Place,
    left: &Map<String, Value>,
    right: &Map<String, Value>,
    found: &mut Vec<Difference>,
) {
    let keys: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    for key in keys {
        let mut inner = place.clone();
        let inner_path = match place.field.as_str() {
            "files" if place.file.is_none() => {
                inner.file = Some(key.clone());
                format!("{path}[{key:?}]")
            }
            "variables" => {
                inner.variable = Some(key.clone());
                format!("{path}[{key:?}]")
            }
            _ => format!("{path}.{key}"),
        };
        inner.field.clone_from(key);
        walk(&inner_path, inner, left.get(key), right.get(key), found);
    }
}

/// Lists of roles and of components: matched by name, then by order.
fn walk_named(
    path: &str,
    place: &Place,
    left: &[Value],
    right: &[Value],
    found: &mut Vec<Difference>,
) {
    let name = |item: &Value| {
        item.get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let index_of =
        |items: &[Value], wanted: &str| items.iter().position(|item| name(item) == wanted);
    let mut inner_walk = |index: usize, item: &str, left: Option<&Value>, right: Option<&Value>| {
        let mut inner = place.clone();
        let slot = if place.field == "components" {
            &mut inner.component
        } else {
            &mut inner.role
        };
        *slot = Some(item.to_owned());
        inner.field = String::new();
        walk(&format!("{path}[{index}]"), inner, left, right, found);
    };
    for (index, item) in left.iter().enumerate() {
        let other = index_of(right, &name(item)).and_then(|at| right.get(at));
        inner_walk(index, &name(item), Some(item), other);
    }
    for (index, item) in right.iter().enumerate() {
        if index_of(left, &name(item)).is_none() {
            inner_walk(index, &name(item), None, Some(item));
        }
    }
    let order = |items: &[Value], others: &[Value]| -> Vec<_> {
        items
            .iter()
            .map(name)
            .filter(|item| index_of(others, item).is_some())
            .collect()
    };
    let (left, right) = (order(left, right), order(right, left));
    if left != right {
        found.push(order_difference(
            path,
            &format!("{} of stage {}", place.field, place.stage),
            &left,
            &right,
        ));
    }
}

fn order_difference(path: &str, what: &str, left: &[String], right: &[String]) -> Difference {
    let message = format!(
        "the {what} come in another order: {} in the first image and {} in the second",
        left.join(", "),
        right.join(", ")
    );
    Difference {
        path: path.to_owned(),
        left: Some(left.into()),
        right: Some(right.into()),
        message,
    }
}
