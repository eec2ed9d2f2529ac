/** All grants: search by a part of an address, and filters. The page's address contains them. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Badge } from "../../shared/parts";
import { page } from "../core/api";
import { useGrowing } from "../core/load";
import { here, href, refine } from "../core/route";
import type { Grant } from "../core/wire";
import { grantState, PROVIDER_NAMES, providerName, troubleLine } from "../core/words";
import { Choice } from "../parts/field";
import { Empty, More, Shown } from "../parts/loading";
import { Page } from "../parts/page";
import { Table } from "../parts/table";
import { Due, Time } from "../parts/time";

const SIZE = 50;
const STATES = [
    ["", "Any state"],
    ["valid", "Valid"],
    ["troubled", "Valid, in trouble"],
    ["invalid", "Invalid"],
] as const;

export function GrantsPage() {
    const { query } = here.value;
    const filter = filterOf(query);
    const list = useGrowing<Grant>(
        (cursor, signal) =>
            page(
                "/v3/grants",
                {
                    email_contains: filter.email,
                    provider: filter.provider,
                    grant_status: filter.state === "troubled" ? undefined : filter.state,
                    troubled: filter.state === "troubled" || undefined,
                    limit: SIZE,
                    page_token: cursor,
                },
                signal,
            ),
        [query.toString()],
    );
    // Uses the page's address at that time: typing is reported with a delay, and other filters may change meanwhile.
    const set = (change: Partial<typeof filter>) => refine({ ...filterOf(here.value.query), ...change });
    const filtered = Object.values(filter).some(Boolean);
    return (
        <Page title="Grants" lead="One for each connected mailbox.">
            <search class="filters">
                <EmailSearch value={filter.email} onValue={(email) => set({ email })} />
                <Choice
                    label="Provider"
                    compact
                    value={filter.provider}
                    onValue={(provider) => set({ provider })}
                    options={[
                        ["", "Any provider"],
                        ...PROVIDER_NAMES.map((name) => [name, providerName(name)] as const),
                    ]}
                />
                <Choice
                    label="State"
                    compact
                    value={filter.state}
                    onValue={(state) => set({ state })}
                    options={STATES}
                />
                {filtered && (
                    <button type="button" class="button plain" onClick={() => refine({})}>
                        Clear
                    </button>
                )}
            </search>
            <Shown of={list} what="grants">
                {(grants) =>
                    grants.length ? (
                        <>
                            <GrantTable grants={grants} />
                            <More of={list} />
                        </>
                    ) : filtered ? (
                        <Empty title="No matching grants">
                            <p>
                                The search finds any part of an address.{" "}
                                <button type="button" class="link" onClick={() => refine({})}>
                                    Show all grants
                                </button>
                            </p>
                        </Empty>
                    ) : (
                        <Empty title="No grants yet">
                            <p>
                                A grant is created when a mailbox is connected: by{" "}
                                <a href="/reference">POST /v3/connect/custom</a> with credentials that you hold, or by
                                hosted sign-in. It needs a <a href={href(["connectors"])}>connector</a> of its provider
                                first.
                            </p>
                        </Empty>
                    )
                }
            </Shown>
        </Page>
    );
}

function filterOf(query: URLSearchParams) {
    return {
        email: query.get("email") ?? "",
        provider: query.get("provider") ?? "",
        state: query.get("state") ?? "",
    };
}

/** Reports text when typing pauses. */
function EmailSearch({ value, onValue }: { value: string; onValue: (value: string) => void }) {
    const [text, setText] = useState(value);
    // When the text returns as `value`, the user may have typed more.
    const sent = useRef(value);
    useEffect(() => {
        if (value !== sent.current) {
            sent.current = value;
            setText(value);
        }
    }, [value]);
    useEffect(() => {
        const wanted = text.trim();
        if (wanted === sent.current) {
            return;
        }
        const timer = setTimeout(() => {
            sent.current = wanted;
            onValue(wanted);
        }, 250);
        return () => clearTimeout(timer);
    }, [text]);
    return (
        <input
            class="input search"
            type="search"
            aria-label="Part of an email address"
            placeholder="Search addresses…"
            value={text}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => setText(event.currentTarget.value)}
        />
    );
}

function GrantTable({ grants }: { grants: Grant[] }) {
    return (
        <Table class="stack dense" columns={["Email", "Provider", "State", "Last verified", "Next check"]}>
            {grants.map((grant) => (
                <GrantRow key={grant.id} grant={grant} />
            ))}
        </Table>
    );
}

function GrantRow({ grant }: { grant: Grant }) {
    const { word, tone } = grantState(grant);
    const { proven_at, next_check_at } = grant.opengrant;
    const line = troubleLine(grant.opengrant);
    return (
        <tr>
            <th scope="row">
                <a href={href(["grants", grant.id])}>{grant.email}</a>
                {grant.name && <span class="soft second">{grant.name}</span>}
            </th>
            <td data-label="Provider">{providerName(grant.provider)}</td>
            <td data-label="State">
                <Badge tone={tone}>{word}</Badge>
                {line && <span class="soft second">{line}</span>}
            </td>
            <td data-label="Last verified">{proven_at === undefined ? <None /> : <Time at={proven_at} />}</td>
            <td data-label="Next check">{next_check_at === undefined ? <None /> : <Due at={next_check_at} />}</td>
        </tr>
    );
}

function None() {
    return <span class="soft">none</span>;
}
