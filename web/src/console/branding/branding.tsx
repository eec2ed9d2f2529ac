/** How the sign-in pages of the application look: a form, and the page beside it. */

import "../looks/setup.css";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { get, Problem, patch } from "../core/api";
import { useAction, useLoad } from "../core/load";
import { session } from "../core/session";
import type { Details } from "../core/wire";
import { Failure } from "../parts/failure";
import { AreaField, Choice, TextField } from "../parts/field";
import { Shown } from "../parts/loading";
import { Page } from "../parts/page";
import { bodyOf, type Draft, draftOf, fieldOf, NAMES, type Name, type Problems, problemsOf } from "./draft";
import { ColourField, PictureField } from "./fields";
import { PreviewPane, usePreview } from "./preview";

/** Changes that are not saved stay until the page is loaded again, so that a look at another page loses nothing. */
let kept: { session: string | undefined; draft: Draft } | undefined;

export function BrandingPage() {
    const details = useLoad((signal) => get<Details>("/v3/applications", {}, signal), []);
    return (
        <Page title="Branding" lead="How your application appears on the sign-in pages that mailbox owners see.">
            <Shown of={details} what="branding">
                {(found) => <Editor details={found} onSaved={(saved) => details.put(() => saved)} />}
            </Shown>
        </Page>
    );
}

function Editor({ details, onSaved }: { details: Details; onSaved: (saved: Details) => void }) {
    const saved = useMemo(() => draftOf(details), [details]);
    const [draft, setDraft] = useState(() => (kept?.session === session.value?.id && kept?.draft) || saved);
    const [wasSaved, setWasSaved] = useState(false);
    const [refused, setRefused] = useState<{ name: Name; value: string; message: string }>();
    const dirty = NAMES.some((name) => draft[name].trim() !== saved[name]);
    const problems = useMemo(() => {
        const found = problemsOf(draft);
        // What the server refused is wrong until it is changed.
        return refused && draft[refused.name] === refused.value ? { [refused.name]: refused.message, ...found } : found;
    }, [draft, refused]);
    const preview = usePreview(draft, problems);
    const set = (name: Name) => (value: string) => {
        setWasSaved(false);
        setDraft((old) => ({ ...old, [name]: value }));
    };
    useEffect(() => {
        kept = dirty ? { session: session.value?.id, draft } : undefined;
    }, [dirty, draft]);
    useEffect(() => {
        if (!dirty) {
            return;
        }
        const ask = (event: BeforeUnloadEvent) => event.preventDefault();
        window.addEventListener("beforeunload", ask);
        return () => window.removeEventListener("beforeunload", ask);
    }, [dirty]);
    const save = useAction(async () => {
        setRefused(undefined);
        try {
            const answer = await patch<Details>("/v3/applications", bodyOf(draft));
            const stored = draftOf(answer);
            onSaved(answer);
            // What was typed meanwhile stays.
            setDraft((now) => ({
                ...now,
                ...Object.fromEntries(
                    NAMES.filter((name) => now[name] === draft[name]).map((name) => [name, stored[name]]),
                ),
            }));
            setWasSaved(true);
        } catch (problem) {
            const about = problem instanceof Problem ? fieldOf(problem.message) : undefined;
            if (about) {
                setRefused({ name: about[0], value: draft[about[0]], message: about[1] });
            }
            throw problem;
        }
    });
    return (
        <div class="branding">
            <form
                class="branding-form"
                onSubmit={(event) => {
                    event.preventDefault();
                    if (Object.keys(problems).length === 0) {
                        void save.run();
                    }
                }}
            >
                <Fields draft={draft} set={set} problems={problems} remarks={preview.loaded.data?.remarks ?? []} />
                <Failure problem={refused ? undefined : save.problem} />
                <SaveBar
                    dirty={dirty}
                    busy={save.busy}
                    wrong={Object.keys(problems).length}
                    wasSaved={wasSaved}
                    onDiscard={() => {
                        save.forget();
                        setRefused(undefined);
                        setDraft(saved);
                    }}
                />
            </form>
            <PreviewPane of={preview} />
        </div>
    );
}

function SaveBar({
    dirty,
    busy,
    wrong,
    wasSaved,
    onDiscard,
}: {
    dirty: boolean;
    busy: boolean;
    /** Number of fields that are wrong. */
    wrong: number;
    wasSaved: boolean;
    onDiscard: () => void;
}) {
    const says = wrong
        ? wrong === 1
            ? "One field needs a change."
            : `${wrong} fields need a change.`
        : dirty
          ? "Your changes are not saved."
          : wasSaved
            ? "Saved. Sign-in pages show it from now on."
            : "No changes.";
    return (
        <div class={dirty ? "save-bar changed" : "save-bar"}>
            <p role="status" class={wrong ? "wrong-text" : "soft"}>
                {says}
            </p>
            <button type="button" class="button" disabled={!dirty || busy} onClick={onDiscard}>
                Discard
            </button>
            <button type="submit" class="button primary" disabled={!dirty || busy || wrong > 0}>
                {busy ? "Saving…" : "Save"}
            </button>
        </div>
    );
}

function Fields({
    draft,
    set,
    problems,
    remarks,
}: {
    draft: Draft;
    set: (name: Name) => (value: string) => void;
    problems: Problems;
    remarks: { field: string; message: string }[];
}) {
    const field = (name: Name) => ({ value: draft[name], onValue: set(name), problem: problems[name] });
    const remarked = (name: Name) => ({
        ...field(name),
        remarks: remarks.filter((one) => one.field.endsWith(`.${name}`)).map(({ message }) => message),
    });
    return (
        <>
            <Group title="Application">
                <TextField
                    label="Name"
                    {...field("name")}
                    placeholder={session.value?.application_name}
                    hint="Who asks for access to the mailbox."
                />
                <PictureField
                    label="Icon"
                    {...remarked("icon_url")}
                    longest={192}
                    hint="Square; PNG, SVG, JPEG, GIF or WebP. Large pictures are made smaller."
                />
                <TextField label="Website" {...field("website_url")} placeholder="https://example.com" mono />
                <AreaField label="Description" {...field("description")} rows={2} mono={false} />
            </Group>
            <Group title="Text">
                <TextField label="Title" {...field("title")} placeholder="Connect your account" />
                <AreaField label="Subtitle" {...field("subtitle")} rows={2} mono={false} />
                <TextField
                    label="Terms of service"
                    {...field("terms_of_service_url")}
                    placeholder="https://example.com/terms"
                    mono
                />
                <TextField
                    label="Privacy policy"
                    {...field("privacy_policy_url")}
                    placeholder="https://example.com/privacy"
                    mono
                />
            </Group>
            <Group title="Colours">
                <ColourField
                    label="Primary colour"
                    {...remarked("color_primary")}
                    standard="#2f55d4"
                    hint="Buttons, links and focus."
                />
                <ColourField
                    label="Secondary colour"
                    {...remarked("color_secondary")}
                    standard={draft.color_primary || "#2f55d4"}
                    hint="The line above the form, and the initial in place of an icon."
                />
                <ColourField
                    label="Background colour"
                    {...remarked("background_color")}
                    standard="#f3f4f7"
                    hint="Behind the form."
                />
            </Group>
            <Group title="Layout">
                <PictureField
                    label="Background picture"
                    {...remarked("background_image_url")}
                    longest={1280}
                    hint="Fills the page behind the form."
                />
                <Choice
                    label="Position of the form"
                    value={draft.alignment}
                    onValue={set("alignment")}
                    options={[
                        ["", "Centre (standard)"],
                        ["left", "Left"],
                        ["center", "Centre"],
                        ["right", "Right"],
                    ]}
                />
                <TextField
                    label="Space between buttons, in pixels"
                    type="number"
                    {...field("spacing")}
                    placeholder="10"
                    min={0}
                    max={256}
                    hint="Pages use at most 32."
                />
            </Group>
        </>
    );
}

function Group({ title, children }: { title: string; children: ComponentChildren }) {
    return (
        <section class="card padded group">
            <h2>{title}</h2>
            {children}
        </section>
    );
}
