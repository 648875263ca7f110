//! Finding what a posting says, with the real embedding model. Skipped where its files are not installed.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use emma::knowledge::infrastructure::local::LocalEmbedder;
use emma::knowledge::infrastructure::role_search::{RoleSearch, RoleStatements};
use emma::knowledge::infrastructure::{e5, minilm};
use emma::screening::applications::domain::demo::demo_posting;
use emma::screening::calls::application::second_look::SecondLook;
use emma::screening::calls::domain::interviewer::steering::Suspicion;
use emma::screening::calls::domain::ports::RoleKnowledge;
use emma::screening::calls::infrastructure::steering_file::exemplars;
use emma::screening::shared::ids::JobOfferId;
use emma::shared::embeddings::cached::CachedEmbedder;
use emma::shared::embeddings::likeness::likeness;
use emma::shared::embeddings::set::{EmbeddingSet, EmbeddingStore};
use emma::shared::embeddings::{E5_SMALL, EmbeddingModel, TextEmbedder, TextRole};
use emma::shared::errors::StoreError;
use emma::shared::models::ModelDir;
use emma::shared::onnx::OnnxRuntime;

type Statements = Vec<(String, String)>;

struct Fixed(Statements);

#[async_trait]
impl RoleStatements for Fixed {
    async fn of(&self, _: &JobOfferId) -> Result<Statements, StoreError> {
        Ok(self.0.clone())
    }
}

struct NothingStored;

#[async_trait]
impl EmbeddingStore for NothingStored {
    async fn put(&self, _: &str, _: &EmbeddingSet, _: DateTime<Utc>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn of(&self, _: &str) -> Result<Option<EmbeddingSet>, StoreError> {
        Ok(None)
    }

    async fn remove(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    async fn models(&self) -> Result<Vec<(EmbeddingModel, u64)>, StoreError> {
        Ok(Vec::new())
    }
}

/// The models that are installed, the default first.
fn models() -> Vec<Arc<dyn TextEmbedder>> {
    let models = ModelDir::default_location();
    let Ok(runtime) = OnnxRuntime::load(&models) else {
        eprintln!("skipped: there is no ONNX runtime");
        return Vec::new();
    };
    let found: [Option<LocalEmbedder>; 2] = [e5::start(&runtime, &models).ok(), minilm::start(&runtime, &models).ok()];
    let kept = found.into_iter().flatten().map(|model| {
        let model: Arc<dyn TextEmbedder> = Arc::new(CachedEmbedder::new(Arc::new(model)));
        model
    });
    let kept: Vec<_> = kept.collect();
    if kept.is_empty() {
        eprintln!("skipped: no embedding model is installed");
    }
    kept
}

fn owned(lines: &[(&str, &str)]) -> Statements {
    lines
        .iter()
        .map(|(field, text)| ((*field).to_owned(), (*text).to_owned()))
        .collect()
}

fn demo() -> Statements {
    demo_posting()
        .statements()
        .into_iter()
        .map(|s| (s.field, s.text))
        .collect()
}

const WARD: &[(&str, &str)] = &[
    ("title", "The position is Registered Nurse at Northgate Hospital."),
    (
        "responsibilities[0]",
        "Provides safe and kind care for eight to ten cardiac patients per shift",
    ),
    (
        "responsibilities[1]",
        "Administer medication and document it in the electronic record",
    ),
    ("requirements[0]", "Registered nurse licence (NMC)"),
    ("requirements[1]", "2+ years of experience in acute care"),
    ("requirements[2]", "Rotating shifts including nights and weekends"),
    ("requirements[3]", "Able to lift and move patients with aids"),
    ("benefits[0]", "27 days annual leave"),
    ("benefits[1]", "Pension scheme of the health service"),
    ("benefits[2]", "Free parking and subsidised meals in the canteen"),
    ("benefits[3]", "Two paid training days a month"),
    ("commitment", "The position is part-time, 30 hours a week."),
    ("place", "The work is done in Leeds."),
    ("compensation", "The pay is from 24 GBP, hourly."),
    (
        "organization.about",
        "Northgate Hospital is a teaching hospital with 620 beds.",
    ),
];

const SALES: &[(&str, &str)] = &[
    ("title", "The position is Account Executive at Brightloop."),
    (
        "organization.about",
        "Brightloop sells scheduling software to dentists.",
    ),
    ("organization.size", "Brightloop has about 120 people."),
    (
        "responsibilities[0]",
        "Win new business in the Nordic market, from first call to signature",
    ),
    ("responsibilities[1]", "Travel to customers about one week a month"),
    ("requirements[0]", "5+ years B2B sales experience"),
    ("requirements[1]", "Valid driver's license"),
    ("benefits[0]", "Company car or travel allowance"),
    ("benefits[1]", "30 days of paid vacation"),
    ("benefits[2]", "Commission without a cap"),
    ("benefits[3]", "Gym membership"),
    (
        "compensation",
        "The pay is between 45,000 and 55,000 EUR, yearly, and it is negotiable.",
    ),
    ("commitment", "The position is full-time."),
    ("place", "The work is done in Stockholm."),
    ("languages[0]", "The work needs Swedish, fully fluent."),
    ("sections[0]", "You report to the head of sales."),
    ("sections[0]", "The sales team has nine people."),
    ("sections[1]", "We decide within two weeks."),
];

/// Questions the thresholds were set on: the right field, or several, or none.
const DEMO_ASKED: &[(&str, &str)] = &[
    ("What is the salary?", "compensation"),
    ("How much does it pay?", "compensation"),
    ("What's the compensation range?", "compensation"),
    ("Can I work from home?", "place|benefits[3]"),
    ("Is the position fully remote?", "place"),
    ("Where is the office?", "place"),
    ("What time zone do I have to work in?", "place"),
    ("How many hours a week is it?", "commitment"),
    ("Is it a full time job?", "commitment"),
    ("How many days of vacation do I get?", "benefits[0]"),
    ("Is there health insurance?", "benefits[1]"),
    ("Do you pay for courses or conferences?", "benefits[2]"),
    ("Which laptop would I get?", "benefits[3]"),
    ("How big is the team?", "sections[0]|organization.size"),
    ("Who would I report to?", "sections[0]"),
    (
        "What technologies do you use?",
        "sections[1]|skills[0]|skills[1]|skills[2]|requirements[0]",
    ),
    ("What does the company do?", "organization.about|tagline"),
    ("How many people work at the company?", "organization.size"),
    ("Is there on-call duty?", "responsibilities[4]"),
    ("How long is the probation period?", "sections[3]"),
    ("Is it a permanent contract?", "sections[3]"),
    ("What happens after this interview?", "sections[2]"),
    ("When will I hear back?", "sections[2]"),
    ("Do I need to travel?", "benefits[4]"),
    ("Do I need to know Kubernetes?", "requirements[4]|skills[3]|sections[1]"),
    (
        "What benefits do you offer?",
        "benefits[0]|benefits[1]|benefits[2]|benefits[3]|benefits[4]",
    ),
    (
        "What would my tasks be?",
        "responsibilities[0]|responsibilities[1]|responsibilities[2]|responsibilities[3]",
    ),
    ("What are the next steps in the process?", "sections[2]"),
    // Both name the language that is needed, and it is another one.
    ("Do I have to speak German?", "languages[0]|requirements[3]|NONE"),
    ("Are there many meetings?", "sections[1]"),
    ("so um what about the money", "compensation"),
    ("And how about holidays?", "benefits[0]"),
    ("Which countries can I work from?", "place"),
    (
        "What does a typical day look like?",
        "responsibilities[0]|responsibilities[1]|responsibilities[2]|responsibilities[3]|sections[1]|NONE",
    ),
    ("Will I mentor other people?", "responsibilities[3]"),
    ("Do you have an office in London?", "place"),
];

const WARD_ASKED: &[(&str, &str)] = &[
    ("Would I have to work at night?", "requirements[2]"),
    ("How many patients would I look after?", "responsibilities[0]"),
    ("Is there parking?", "benefits[2]"),
    ("How much holiday do I get?", "benefits[0]"),
    ("What's the hourly rate?", "compensation"),
    ("Where is the hospital?", "place"),
    ("Is there a pension?", "benefits[1]"),
    ("Can I get further training?", "benefits[3]"),
    ("How large is the hospital?", "organization.about"),
    ("Do I need a licence?", "requirements[0]"),
    ("Could I work part time?", "commitment"),
    ("Can I work from home?", "place"),
];

/// Questions nobody looked at before.
const DEMO_FRESH: &[(&str, &str)] = &[
    ("What kind of annual pay are we talking about?", "compensation"),
    ("do you offer medical cover", "benefits[1]"),
    ("Would I be working from an office or at home?", "place|benefits[3]"),
    (
        "What's the tech stack?",
        "sections[1]|skills[0]|skills[1]|skills[2]|skills[3]",
    ),
    ("What databases are you using?", "skills[1]|requirements[1]"),
    ("How often do you deploy to production?", "sections[1]"),
    ("How many engineers are there?", "sections[0]"),
    ("Is the contract temporary?", "sections[3]"),
    ("Would I be on call?", "responsibilities[4]"),
    ("What is the budget for education?", "benefits[2]"),
    ("Are there company retreats?", "benefits[4]|NONE"),
    ("How good does my English have to be?", "languages[0]|requirements[3]"),
    ("How many years of Python do you expect?", "skills[0]|requirements[0]"),
    ("What is Halcyon Harbour?", "organization.about|organization.size|title"),
    ("What comes after this call, is there another interview?", "sections[2]"),
    ("Will there be a coding test?", "sections[2]|NONE"),
    ("What's the length of the trial period?", "sections[3]"),
    ("Do you work with Rust?", "sections[1]|requirements[0]"),
    ("How many countries do you operate in?", "organization.about|place"),
];

const SALES_FRESH: &[(&str, &str)] = &[
    ("Is the salary negotiable?", "compensation"),
    ("Is there a commission?", "benefits[2]"),
    ("Would I get a car?", "benefits[0]"),
    ("How often would I have to travel?", "responsibilities[1]"),
    ("What is the product you sell?", "organization.about"),
    ("How big is the company?", "organization.size"),
    ("How many people are on the sales team?", "sections[0]"),
    ("Who is my boss going to be?", "sections[0]"),
    ("Do I need a driving licence?", "requirements[1]"),
    ("Which city is the job in?", "place"),
    ("How many vacation days are there?", "benefits[1]"),
    ("Do I have to speak Swedish?", "languages[0]"),
    ("How long until you decide?", "sections[1]"),
    ("Is a gym membership included?", "benefits[3]"),
    ("Could this be done remotely?", "place"),
];

/// Not in these postings.
const DEMO_SILENT: &[&str] = &[
    "Is there a company car?",
    "Do you have a gym?",
    "Can I bring my dog?",
    "Do you sponsor visas?",
    "Is there parking?",
    "Do you offer stock options?",
    "What is the dress code?",
    "Is there a pension plan?",
    "Who founded the company?",
    "How much parental leave is there?",
    "Do you have a football team?",
    "What is the capital of France?",
    "Do you provide lunch?",
    "Is there a bonus?",
    "How old is the company?",
    "Who are your customers' competitors?",
    "Is there overtime pay?",
    "Do you help with relocation?",
    "When would I start?",
    "Do you offer a sabbatical?",
    "Is there a bike scheme?",
    "Who is the chief executive?",
    "Are you profitable?",
    "What is the turnover of employees?",
    "Do you offer a sign-on bonus?",
    "Can I bring my cat to work?",
    "What is your favourite colour?",
    "Is the building wheelchair accessible?",
    "Do you celebrate birthdays?",
    "How diverse is the workforce?",
    "Which football club do you support?",
];

const WARD_SILENT: &[&str] = &[
    "Do you offer a company car?",
    "Is there childcare?",
    "How big is the team?",
    "What software do you use for planning?",
    "Do you sponsor visas?",
    "What happens after this interview?",
    "Is there a bonus?",
    "How long is the probation period?",
];

const SALES_SILENT: &[&str] = &[
    "Do you have a pension?",
    "Is there a probation period?",
    "What laptop do you give people?",
    "Do you pay for training?",
    "Is there a kindergarten?",
    "Who are the investors?",
    "Is the office dog friendly?",
    "What music do you listen to?",
];

/// The best field for every question, and which of them are wrong.
async fn wrong(search: &RoleSearch, asked: &[(&str, &str)]) -> Vec<String> {
    let offer = JobOfferId::generate();
    let mut wrong = Vec::new();
    for (question, right) in asked {
        let facts = search.search(&offer, question, 2).await.expect("a search");
        let found = facts.first().map_or("NONE", |fact| fact.field.as_str());
        if !right.split('|').any(|field| field == found) {
            wrong.push(format!("{question} -> {found}, not {right}"));
        }
    }
    wrong
}

async fn invented(search: &RoleSearch, questions: &[&str]) -> Vec<String> {
    let asked: Vec<(&str, &str)> = questions.iter().map(|question| (*question, "NONE")).collect();
    wrong(search, &asked).await
}

// spec: EMMA-3, KNOW-5
#[tokio::test]
async fn role_questions_find_their_field_and_unknown_ones_find_nothing() {
    for embedder in models() {
        roles_and_facts(&embedder).await;
    }
}

async fn roles_and_facts(embedder: &Arc<dyn TextEmbedder>) {
    let model = embedder.model().name;
    let over = |lines: Statements| RoleSearch {
        statements: Arc::new(Fixed(lines)),
        embedder: embedder.clone(),
        vectors: Arc::new(NothingStored),
    };
    let (demo, ward, sales) = (over(demo()), over(owned(WARD)), over(owned(SALES)));

    let known = [wrong(&demo, DEMO_ASKED).await, wrong(&ward, WARD_ASKED).await].concat();
    assert!(known.is_empty(), "{model}: {known:#?}");

    let fresh = [wrong(&demo, DEMO_FRESH).await, wrong(&sales, SALES_FRESH).await].concat();
    let asked = DEMO_FRESH.len() + SALES_FRESH.len();
    assert!(
        fresh.len() * 10 <= asked,
        "{model}, at most one in ten is wrong: {fresh:#?}"
    );

    let made_up = [
        invented(&demo, DEMO_SILENT).await,
        invented(&ward, WARD_SILENT).await,
        invented(&sales, SALES_SILENT).await,
    ]
    .concat();
    let silent = DEMO_SILENT.len() + WARD_SILENT.len() + SALES_SILENT.len();
    assert!(
        made_up.len() * 20 <= silent,
        "{model}, at most one in twenty is answered: {made_up:#?}"
    );
}

const GREEK: &[(&str, &str)] = &[
    ("title", "Η θέση είναι νοσηλευτής στο νοσοκομείο της Πάτρας."),
    (
        "responsibilities[0]",
        "Φροντίδα οκτώ έως δέκα καρδιολογικών ασθενών ανά βάρδια",
    ),
    ("requirements[0]", "Άδεια ασκήσεως επαγγέλματος νοσηλευτή"),
    ("benefits[0]", "27 ημέρες άδειας με αποδοχές τον χρόνο"),
    ("benefits[1]", "Δωρεάν στάθμευση και φαγητό στην καντίνα"),
    ("benefits[2]", "Δύο ημέρες εκπαίδευσης τον μήνα"),
    ("commitment", "Η θέση είναι μερικής απασχόλησης, 30 ώρες την εβδομάδα."),
    ("compensation", "Ο μισθός είναι 1.450 ευρώ τον μήνα."),
];

/// In Greek over Greek statements.
const GREEK_ASKED: &[(&str, &str)] = &[
    ("Πόσα χρήματα θα παίρνω;", "compensation"),
    ("Ποιος είναι ο μισθός;", "compensation"),
    ("Πόσες μέρες διακοπές έχω;", "benefits[0]"),
    ("Υπάρχει πάρκινγκ;", "benefits[1]"),
    ("Πόσες ώρες την εβδομάδα θα δουλεύω;", "commitment"),
    ("Πόσους ασθενείς θα φροντίζω;", "responsibilities[0]"),
    ("Προσφέρετε σεμινάρια και μαθήματα;", "benefits[2]"),
    ("Σε ποια πόλη είναι η δουλειά;", "title"),
];

const GREEK_SILENT: &[&str] = &[
    "Επιτρέπονται σκύλοι;",
    "Ποια είναι η πρωτεύουσα της Γαλλίας;",
    "Ποιος ίδρυσε την εταιρεία;",
    "Τι χρώμα σας αρέσει;",
];

// spec: KNOW-4, EMMA-3
#[tokio::test]
async fn greek_questions_find_greek_statements_with_the_default_model() {
    let Some(embedder) = models().into_iter().find(|m| m.model().name == E5_SMALL) else {
        return;
    };
    let search = RoleSearch {
        statements: Arc::new(Fixed(owned(GREEK))),
        embedder,
        vectors: Arc::new(NothingStored),
    };
    let wrong = wrong(&search, GREEK_ASKED).await;
    assert!(wrong.len() <= 3, "{wrong:#?}");
    let made_up = invented(&search, GREEK_SILENT).await;
    assert!(made_up.is_empty(), "{made_up:#?}");
}

// spec: KNOW-4
#[tokio::test]
async fn texts_of_like_meaning_lie_close_and_the_same_text_gives_the_same_vector() {
    for embedder in models() {
        let model = embedder.model();
        let texts = [
            "The pay is 4,000 euros a month.",
            "The cat sleeps on the roof.",
            "The pay is 4,000 euros a month.",
        ]
        .map(str::to_owned);
        let vectors = embedder.embed(&texts, TextRole::Passage).await.expect("vectors");
        let asked = embedder
            .embed(&["What is the salary?".to_owned()], TextRole::Query)
            .await;
        let asked = asked.expect("a vector").remove(0);
        let alike = |place: usize| likeness(&model, &vectors[place], &asked);
        assert!(vectors.iter().all(|v| v.len() == model.dimension));
        assert!(alike(0) > 0.35, "{}: {}", model.name, alike(0));
        assert!(alike(1) < 0.25, "{}: {}", model.name, alike(1));
        assert_eq!(vectors[0], vectors[2]);
    }
}

/// Found and falsely suspected, of a set that nothing was learned from.
async fn suspected(look: &SecondLook, set: &str) -> ((usize, usize), (usize, usize)) {
    let (mut attacks, mut harmless) = ((0, 0), (0, 0));
    for line in set.lines().filter(|line| !line.is_empty()) {
        let row: serde_json::Value = serde_json::from_str(line).expect("a row");
        let benign = row["benign"] == true;
        if !benign && row["category"] != "injection" {
            continue;
        }
        let found = look.at(row["text"].as_str().expect("a text")).await != Suspicion::None;
        let tally = if benign { &mut harmless } else { &mut attacks };
        tally.0 += usize::from(found);
        tally.1 += 1;
    }
    (attacks, harmless)
}

// spec: EMMA-5
#[tokio::test]
async fn the_second_look_finds_attacks_in_other_words_and_leaves_talk_about_work_alone() {
    let Some(model) = models().into_iter().next() else {
        return;
    };
    let look = SecondLook::new(model);
    look.learn(&exemplars().expect("sound")).await.expect("it learns");
    let sets = [
        (include_str!("data/guardrails/held_out_2.jsonl"), 55),
        (include_str!("data/guardrails/held_out_3.jsonl"), 40),
    ];
    for (set, least) in sets {
        let (attacks, harmless) = suspected(&look, set).await;
        assert!(attacks.0 * 100 >= attacks.1 * least, "{attacks:?}");
        assert!(harmless.1 >= 30 && harmless.0 == 0, "{harmless:?}");
    }
    let (_, harmless) = suspected(&look, include_str!("data/guardrails/benign.jsonl")).await;
    assert!(harmless.1 >= 70 && harmless.0 == 0, "{harmless:?}");
}
