//! What an echo of Emma's voice does to a call: nothing.

use super::*;

fn answers(scene: &Scene) -> usize {
    scene
        .causes
        .iter()
        .filter(|cause| matches!(cause, Cause::Said(_)))
        .count()
}

// spec: CONV-8
#[test]
fn weak_speech_in_the_first_seconds_opens_no_turn() {
    for (level_dbfs, turns) in [(-55.0, 0), (-40.0, 1)] {
        let mut scene = Scene::new(vec![(1_700, 2_300, "are you ready")]);
        scene.level_dbfs = level_dbfs;
        scene.run_to(4_000);
        assert_eq!(answers(&scene), turns, "{level_dbfs}");
    }
}

// spec: CONV-8
#[test]
fn weak_speech_right_after_emma_is_her_echo_and_loud_speech_an_answer() {
    for (level_dbfs, turns) in [(-58.0, 1), (-40.0, 2)] {
        let mut scene = Scene::new(vec![(3_000, 4_000, "Yes I am ready."), (6_040, 6_330, "you build")]);
        scene.run_to(6_020);
        let asked = scene.logged("speak What did you build?").expect("asked");
        assert!(
            (4_760..4_840).contains(&asked),
            "her question ends at about 6.0 s: {asked}"
        );
        scene.level_dbfs = level_dbfs;
        scene.run_to(9_000);
        assert_eq!(answers(&scene), turns, "{level_dbfs}");
    }
}

// spec: CONV-8
#[test]
fn a_quiet_candidate_who_answers_at_once_is_heard_from_the_first_word() {
    let mut scene = Scene::new(vec![
        (3_000, 4_000, "Yes I am ready."),
        (6_040, 8_000, "A bridge of wood."),
    ]);
    scene.run_to(6_020);
    scene.level_dbfs = -58.0;
    scene.run_to(10_000);
    let answer = scene
        .stored
        .iter()
        .find(|s| s.text == "A bridge of wood.")
        .expect("heard");
    assert!(answer.start_ms.ms() < 6_140, "{}", answer.start_ms.ms());
}

// spec: CONV-8
#[test]
fn a_pause_inside_an_answer_is_not_guarded() {
    let mut scene = Scene::new(vec![(3_000, 4_000, "Well I"), (4_100, 5_000, "am ready.")]);
    scene.complete = 0.05;
    scene.run_to(4_050);
    scene.level_dbfs = -58.0;
    scene.run_to(5_100);
    scene.complete = 0.9;
    scene.run_to(9_000);
    assert_eq!(scene.said_by(Speaker::Candidate), ["Well I am ready."]);
}
