//! A store that grew by small steps equals one that was filled at once.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::testing::*;
use crate::*;

#[derive(Clone, Debug)]
enum Step {
    Put(usize, String),
    Remove(usize),
    Rename(usize, usize),
    Encode(usize),
    Abandon(usize),
    Maintain,
    Reopen,
}

const PATHS: [&str; 4] = ["a.rs", "lib/b.rs", "lib/c.txt", "alpha/d.rs"];

fn step() -> impl Strategy<Value = Step> {
    let path = 0..PATHS.len();
    let word = prop::sample::select(&WORDS[..]);
    let paragraph = prop::collection::vec(word, 1..4).prop_map(|words| words.join(" ") + "\n");
    let text = prop::collection::vec(paragraph, 1..4).prop_map(|parts| parts.join("\n"));
    prop_oneof![
        6 => (path.clone(), text).prop_map(|(path, text)| Step::Put(path, text)),
        2 => path.clone().prop_map(Step::Remove),
        2 => (path.clone(), path.clone()).prop_map(|(from, to)| Step::Rename(from, to)),
        3 => (1usize..4).prop_map(Step::Encode),
        1 => path.prop_map(Step::Abandon),
        1 => Just(Step::Maintain),
        1 => Just(Step::Reopen),
    ]
}

type Model = BTreeMap<&'static str, String>;

fn apply(step: &Step, store: &Store, writer: &mut Option<Writer>, model: &mut Model) {
    if let Step::Reopen = step {
        *writer = None;
    }
    let writer = writer.get_or_insert_with(|| self::writer(store));
    match step {
        Step::Encode(most) => return encode(writer, *most).unwrap(),
        Step::Maintain => {
            writer.maintain_thoroughly().unwrap();
            return;
        }
        _ => {}
    }
    let mut update = writer.begin().unwrap();
    match step {
        Step::Put(path, text) => {
            update.put_file(&file(PATHS[*path], text)).unwrap();
            model.insert(PATHS[*path], text.clone());
        }
        Step::Remove(path) => {
            update.remove_file(PATHS[*path].as_bytes()).unwrap();
            model.remove(PATHS[*path]);
        }
        Step::Rename(from, to) => {
            let (from, to) = (PATHS[*from], PATHS[*to]);
            let renamed = update.rename_file(from.as_bytes(), to.as_bytes(), stat(1));
            assert_eq!(renamed.is_ok(), model.contains_key(from));
            if let Some(text) = model.remove(from) {
                model.insert(to, text);
            }
        }
        Step::Abandon(path) => {
            update.put_file(&file(PATHS[*path], "fn shared\n")).unwrap();
            return;
        }
        _ => {}
    }
    update.commit().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn small_steps_equal_one(steps in prop::collection::vec(step(), 1..16)) {
        let (_dir, grown) = store();
        let (mut writer, mut model) = (None, Model::new());
        for step in &steps {
            apply(step, &grown, &mut writer, &mut model);
        }
        let mut writer = writer.unwrap_or_else(|| self::writer(&grown));
        encode(&mut writer, usize::MAX).unwrap();
        let (_dir, fresh) = store();
        let files: Vec<(&str, &str)> = model.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let mut filler = self::writer(&fresh);
        put(&mut filler, &files);
        encode(&mut filler, usize::MAX).unwrap();
        assert_sound(&grown);
        prop_assert_eq!(Image::of(&grown), Image::of(&fresh));
    }
}
