//! Puts tool calls together from the fragments they arrive in.

use crate::shared::llm::ToolCall;

/// Calls of one answer beyond this are dropped: no turn needs more.
const MOST_CALLS: usize = 16;
/// Arguments longer than this are cut; they fail to parse then.
const MOST_ARGUMENTS: usize = 32 * 1024;

/// A piece of a tool call. Servers differ: some leave out the index, some the id, some repeat the name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fragment {
    pub index: Option<u64>,
    pub id: Option<String>,
    pub name: Option<String>,
    pub arguments: String,
}

/// Collects fragments, also where those of several calls are interleaved.
#[derive(Debug, Default)]
pub struct ToolCalls {
    slots: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    index: Option<u64>,
    id: Option<String>,
    name: String,
    arguments: String,
}

impl ToolCalls {
    pub fn push(&mut self, fragment: Fragment) {
        let Some(slot) = self.slot_of(&fragment) else { return };
        if let Some(name) = fragment.name.filter(|_| slot.name.is_empty()) {
            slot.name = name;
        }
        slot.id = slot.id.take().or(fragment.id.filter(|id| !id.is_empty()));
        if slot.arguments.len() + fragment.arguments.len() <= MOST_ARGUMENTS {
            slot.arguments.push_str(&fragment.arguments);
        }
    }

    /// The calls in the order they began. One without a name calls nothing and is left out; ids that the server did not
    /// give are made up.
    pub fn finish(self) -> Vec<ToolCall> {
        let named = self.slots.into_iter().filter(|slot| !slot.name.is_empty());
        named
            .enumerate()
            .map(|(i, slot)| ToolCall {
                id: slot.id.unwrap_or_else(|| format!("call_{i}")),
                name: slot.name,
                arguments: if slot.arguments.trim().is_empty() {
                    "{}".to_owned()
                } else {
                    slot.arguments
                },
            })
            .collect()
    }

    fn slot_of(&mut self, fragment: &Fragment) -> Option<&mut Slot> {
        let id = fragment.id.as_deref().filter(|id| !id.is_empty());
        let same = |slot: &Slot| match (fragment.index, id) {
            // Some servers give every call index 0: another id with a name of its own is another call.
            (Some(index), Some(id)) => {
                slot.index == Some(index) && (slot.id.as_deref().is_none_or(|own| own == id) || fragment.name.is_none())
            }
            (Some(index), None) => slot.index == Some(index),
            (None, Some(id)) => slot.id.as_deref() == Some(id),
            (None, None) => false,
        };
        let known = self.slots.iter().rposition(same);
        // Without index and id a fragment goes on with the last call, unless it names a new one.
        let goes_on = fragment.index.is_none() && id.is_none() && fragment.name.is_none();
        let at = known.or_else(|| self.slots.len().checked_sub(1).filter(|_| goes_on));
        if let Some(at) = at {
            return self.slots.get_mut(at);
        }
        if self.slots.len() == MOST_CALLS {
            return None;
        }
        self.slots.push(Slot {
            index: fragment.index,
            ..Slot::default()
        });
        self.slots.last_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(index: Option<u64>, id: Option<&str>, name: Option<&str>, arguments: &str) -> Fragment {
        Fragment {
            index,
            id: id.map(str::to_owned),
            name: name.map(str::to_owned),
            arguments: arguments.to_owned(),
        }
    }

    fn assembled(fragments: Vec<Fragment>) -> Vec<(String, String, String)> {
        let mut calls = ToolCalls::default();
        for fragment in fragments {
            calls.push(fragment);
        }
        let all = calls.finish().into_iter();
        all.map(|c| (c.id, c.name, c.arguments)).collect()
    }

    fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
        (id.to_owned(), name.to_owned(), arguments.to_owned())
    }

    // spec: EMMA-2
    #[test]
    fn interleaved_calls_are_told_apart_by_their_index() {
        let calls = assembled(vec![
            fragment(Some(0), Some("a"), Some("look_up_role"), ""),
            fragment(Some(1), Some("b"), Some("next_question"), ""),
            fragment(Some(0), None, None, "{\"question\":"),
            fragment(Some(1), None, None, "{}"),
            fragment(Some(0), None, None, "\"pay\"}"),
        ]);
        assert_eq!(
            calls,
            [
                call("a", "look_up_role", "{\"question\":\"pay\"}"),
                call("b", "next_question", "{}")
            ]
        );
    }

    // spec: EMMA-2
    #[test]
    fn calls_that_all_have_index_0_are_told_apart_by_their_ids() {
        let calls = assembled(vec![
            fragment(Some(0), Some("a"), Some("note_answer"), "{\"quote\":\"x\"}"),
            fragment(Some(0), Some("b"), Some("next_question"), "{}"),
        ]);
        assert_eq!(
            calls,
            [
                call("a", "note_answer", "{\"quote\":\"x\"}"),
                call("b", "next_question", "{}")
            ]
        );
    }

    // spec: EMMA-2
    #[test]
    fn missing_ids_and_indexes_are_made_up_for() {
        let calls = assembled(vec![
            fragment(None, None, Some("look_up_role"), "{\"question\""),
            fragment(None, None, None, ":\"pay\"}"),
            fragment(None, None, Some("next_question"), ""),
        ]);
        assert_eq!(
            calls,
            [
                call("call_0", "look_up_role", "{\"question\":\"pay\"}"),
                call("call_1", "next_question", "{}")
            ]
        );
    }

    #[test]
    fn a_nameless_call_is_left_out_and_broken_arguments_are_handed_on_as_they_are() {
        let calls = assembled(vec![
            fragment(Some(0), Some("a"), None, "{}"),
            fragment(Some(1), Some("b"), Some("look_up_role"), "{\"quest"),
        ]);
        assert_eq!(calls, [call("b", "look_up_role", "{\"quest")]);
    }

    #[test]
    fn a_flood_of_calls_and_arguments_is_bounded() {
        let mut calls = ToolCalls::default();
        for i in 0..1_000 {
            calls.push(fragment(Some(i), None, Some("note_answer"), &"x".repeat(40_000)));
        }
        let all = calls.finish();
        assert_eq!(all.len(), MOST_CALLS);
        assert!(all.iter().all(|c| c.arguments.len() <= MOST_ARGUMENTS));
    }
}
