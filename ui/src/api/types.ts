/** The answers of the API that the viewer reads: the generated types, with what JSON really is in place of `unknown`. */

import type { Json } from "./json";
import type { components } from "./schema";

type Schemas = components["schemas"];

/** An id of 64 bits: a number, or an `ExactNumber` where JavaScript has none. Only its text is used. */
export type Id = number | { toString(): string };

export type FileBody = Schemas["FileBody"];
export type FileRecord = Schemas["RecordBody"];
export type EventBody = Omit<Schemas["EventBody"], "event_data" | "record_id" | "source_id"> & {
  event_data: Json[];
  record_id: Id;
  source_id: Id;
};
export type EventReference = Omit<Schemas["EventReferenceBody"], "source_id"> & { source_id: Id };
export type EventPage = { next_cursor?: string | null; results: EventBody[] };
export type FeedPage = Pick<Schemas["FeedBody"], "cursor">;
export type Stats = Schemas["StatsBody"];
export type Count = Omit<Schemas["CountBody"], "source_id"> & { source_id?: Id | null };
export type Catalogue = Schemas["CatalogueBody"];
export type DownloadUrl = Schemas["DownloadUrlBody"];
/** The problem of a file that storage does not have as it was recorded. */
export type ChangedFile = Schemas["ChangedFile"];

export type RecordState = Omit<Schemas["RecordStateBody"], "status" | "fields" | "owners" | "assignees" | "unrecognised" | "record_id"> & {
  record_id: Id;
  status?: { value: Json; event: EventReference } | null;
  fields: { field: string; label?: string | null; value: Json; event: EventReference }[];
  owners: Person[];
  assignees: Person[];
  unrecognised: { item?: Json; event: EventReference }[];
};
export type Person = { id: Id | string; name: string; event: EventReference };
export type PersonChange = Omit<Schemas["PersonChangeBody"], "id"> & { id: Id | string };
export type ValueChange = { is_new: boolean; old: Json; new: Json };
export type RecordDiff = Omit<Schemas["RecordDiffBody"], "status" | "fields" | "owners" | "assignees" | "record_id"> & {
  status?: ValueChange | null;
  fields: (ValueChange & { field: string; label?: string | null })[];
  owners: PersonChange[];
  assignees: PersonChange[];
};

export type Tenant = Schemas["TenantBody"];
export type TenantPage = { tenants: Tenant[]; next_cursor?: string | null };
export type TenantSummary = Schemas["TenantSummaryBody"];
export type NewClient = Schemas["NewClientBody"];
export type RotatedSecret = Schemas["RotatedSecretBody"];
export type ApiKey = Schemas["KeyBody"];
export type Scope = Schemas["ScopeName"];
export type CreatedKey = Schemas["CreatedKeyBody"];
export type RetentionRule = Schemas["RetentionRuleBody"];
export type Hold = Omit<Schemas["HoldBody"], "record_id"> & { record_id?: Id | null };
export type Readiness = Schemas["ReadinessBody"];
