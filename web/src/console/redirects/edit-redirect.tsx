/** Adds or changes a redirect URI. */

import { useId, useState } from "preact/hooks";
import { Dialog } from "../../shared/parts";
import { patch, path, post } from "../core/api";
import { useAction } from "../core/load";
import type { RedirectUri } from "../core/wire";
import { TextField } from "../parts/field";
import { Form } from "../parts/form";
import { PLATFORM_NAMES, PLATFORMS, type Platform, settingProblem, urlNote, urlProblem } from "./rules";

export function EditRedirect({
    all,
    uri,
    known,
    onDone,
    onClose,
}: {
    /** The path of the list. */
    all: string;
    /** The one to change; undefined for a new one. */
    uri: RedirectUri | undefined;
    known: RedirectUri[];
    onDone: () => void;
    onClose: () => void;
}) {
    const [platform, setPlatform] = useState<Platform>(uri?.platform ?? "web");
    const [url, setUrl] = useState(uri?.url ?? "");
    const [settings, setSettings] = useState<Record<string, string>>(uri?.settings ?? {});
    const facts = PLATFORMS[platform];
    const sent = Object.fromEntries(
        facts.settings.map(({ name }) => [name, (settings[name] ?? "").trim()]).filter(([, value]) => value),
    );
    const isTwice = known.some((other) => other.id !== uri?.id && other.url === url.trim());
    const wrong = isTwice ? "This application has this URL already." : urlProblem(url.trim(), platform);
    const action = useAction(async () => {
        const body = { url: url.trim(), platform, settings: sent };
        await (uri ? patch(`${all}${path`/${uri.id}`}`, body) : post(all, body));
        onDone();
        onClose();
    });
    const ready =
        url.trim() !== "" &&
        wrong === undefined &&
        facts.settings.every(
            ({ name, required }) => (!required || sent[name]) && settingProblem(name, sent[name] ?? "") === undefined,
        );
    return (
        <Dialog title={uri ? "Edit redirect URI" : "Add a redirect URI"} onClose={onClose}>
            <Form
                action={action}
                submit={uri ? "Save" : "Add"}
                under={uri ? "Saving" : "Adding"}
                onCancel={onClose}
                ready={ready}
            >
                <PlatformChoice value={platform} onValue={setPlatform} />
                <TextField
                    label="URL"
                    value={url}
                    onValue={setUrl}
                    placeholder={facts.placeholder}
                    problem={wrong}
                    hint={
                        (wrong ? undefined : urlNote(url)) ??
                        "Users come back here with a code. Another spelling is another URL."
                    }
                    required
                    mono
                />
                {facts.settings.map(({ name, label, required, placeholder, hint }) => (
                    <TextField
                        key={name}
                        label={label}
                        value={settings[name] ?? ""}
                        onValue={(value) => setSettings({ ...settings, [name]: value })}
                        placeholder={placeholder}
                        problem={settingProblem(name, (settings[name] ?? "").trim())}
                        hint={hint}
                        required={required}
                        mono
                    />
                ))}
                {uri && <p class="soft small">Sign-ins that are under way with the old URL fail.</p>}
            </Form>
        </Dialog>
    );
}

function PlatformChoice({ value, onValue }: { value: Platform; onValue: (value: Platform) => void }) {
    const id = useId();
    return (
        <div class="field">
            <label for={id}>Platform</label>
            <select
                id={id}
                class="input"
                value={value}
                aria-describedby={`${id}-hint`}
                onChange={(event) => onValue(event.currentTarget.value as Platform)}
            >
                {PLATFORM_NAMES.map((name) => (
                    <option key={name} value={name}>
                        {PLATFORMS[name].name}
                    </option>
                ))}
            </select>
            <p class="hint" id={`${id}-hint`}>
                {PLATFORMS[value].means}
            </p>
        </div>
    );
}
