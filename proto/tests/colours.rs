//! The rule of colours gives what `tests/vectors/colours.json` says, as it does in the page.

use collab_proto::MemberId;
use collab_proto::colour::{PALETTE, of_members};
use serde_json::Value;

#[test]
fn every_list_of_members_has_the_colours_that_are_pinned() {
    let rooms: Vec<Value> = serde_json::from_str(include_str!("../../tests/vectors/colours.json")).unwrap();
    assert!(rooms.len() >= 10);
    for room in rooms {
        let pinned: Vec<(u64, &str)> = room["members"]
            .as_array()
            .unwrap()
            .iter()
            .map(|id| id.as_u64().unwrap())
            .zip(room["colours"].as_array().unwrap().iter().map(|colour| colour.as_str().unwrap()))
            .collect();
        let colours = of_members(pinned.iter().rev().map(|(id, _)| MemberId(*id)));
        for (id, colour) in &pinned {
            assert_eq!(&colours[&MemberId(*id)].to_string(), colour, "{id} of {pinned:?}");
        }
        let different: std::collections::BTreeSet<_> = colours.values().map(ToString::to_string).collect();
        assert_eq!(different.len(), pinned.len().min(PALETTE.len()));
    }
}
