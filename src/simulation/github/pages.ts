import { Hono } from 'hono';
import { html, raw } from 'hono/html';
import { micromark } from 'micromark';
import { gfm, gfmHtml } from 'micromark-extension-gfm';

import { git, readRef } from './git-store.ts';
import type { Comment, Issue, PullRequest, Reaction, Repository, State } from './state.ts';

const style = `
  body { font: 14px/1.5 system-ui, sans-serif; color: #1f2328; margin: 0; background: #fff }
  header { background: #f6f8fa; border-bottom: 1px solid #d1d9e0; padding: 12px 24px; color: #59636e }
  header b { color: #1f2328 } main { max-width: 960px; margin: 24px auto; padding: 0 24px }
  h1 { font-weight: 400; font-size: 26px; margin: 0 0 8px } h1 small { color: #59636e }
  a { color: #0969da; text-decoration: none } code { background: #eff1f3; border-radius: 6px; padding: 2px 5px; font: 12px ui-monospace, monospace }
  pre { background: #f6f8fa; border-radius: 6px; padding: 12px; overflow: auto } pre code { background: none; padding: 0; white-space: pre-wrap }
  table { border-collapse: collapse; margin: 8px 0 } td, th { border: 1px solid #d1d9e0; padding: 5px 12px; text-align: left }
  .pill { display: inline-block; border-radius: 999px; padding: 3px 12px; color: #fff; font-weight: 500 }
  .open { background: #1f883d } .draft { background: #59636e } .closed { background: #8250df }
  .label { background: #e9e2fb; color: #5319e7; border-radius: 999px; padding: 1px 9px; font-size: 12px; margin-left: 6px }
  .box { border: 1px solid #d1d9e0; border-radius: 6px; margin: 16px 0 } .box > .by { background: #f6f8fa; border-bottom: 1px solid #d1d9e0; padding: 8px 16px; color: #59636e; border-radius: 6px 6px 0 0 }
  .box > .text { padding: 4px 16px 12px } .reactions span { border: 1px solid #d1d9e0; border-radius: 999px; padding: 2px 9px; margin-right: 4px }
  .add { background: #dafbe1 } .del { background: #ffebe9 } .hunk { color: #0969da } .diff { white-space: pre; font: 12px/1.45 ui-monospace, monospace; overflow: auto; padding: 8px }
  blockquote { border-left: 4px solid #d1d9e0; color: #59636e; margin: 8px 0; padding: 0 12px } summary { cursor: pointer }
  ul.contains-task-list { list-style: none; padding-left: 4px }`;

/** The pages that a person looks at: a repository, its issues and pull requests, with their Markdown rendered. */
export function pageRoutes(state: State): Hono {
  const app = new Hono();
  const find = (owner: string, name: string) =>
    state.repositories.find((each) => each.owner === owner && each.name === name);
  const missing = html`<!doctype html><title>Not found</title><p>Not found</p>`;

  app.get('/', (context) =>
    context.html(
      page(
        'Repositories',
        html`<h1>Repositories</h1><ul>${state.repositories.map(({ owner, name }) => html`<li><a href="/${owner}/${name}">${owner}/${name}</a></li>`)}</ul>`,
      ),
    ),
  );
  app.get('/:owner/:name', (context) => {
    const repository = find(context.req.param('owner'), context.req.param('name'));
    return repository ? context.html(repositoryPage(repository)) : context.html(missing, 404);
  });
  app.get('/:owner/:name/issues/:number', (context) => {
    const repository = find(context.req.param('owner'), context.req.param('name'));
    const issue = repository?.issues.get(Number(context.req.param('number')));
    return repository && issue ? context.html(issuePage(repository, issue)) : context.html(missing, 404);
  });
  app.get('/:owner/:name/pull/:number', async (context) => {
    const repository = find(context.req.param('owner'), context.req.param('name'));
    const pull = repository?.pulls.get(Number(context.req.param('number')));
    return repository && pull ? context.html(await pullPage(repository, pull)) : context.html(missing, 404);
  });
  app.get('/:owner/:name/pull/:number/files', async (context) => {
    const repository = find(context.req.param('owner'), context.req.param('name'));
    const pull = repository?.pulls.get(Number(context.req.param('number')));
    return repository && pull ? context.html(await filesPage(repository, pull)) : context.html(missing, 404);
  });
  return app;
}

type Markup = ReturnType<typeof html>;

function page(title: string, content: Markup, repository?: Repository): Markup {
  const where = repository
    ? html`<a href="/${repository.owner}/${repository.name}">${repository.owner} / <b>${repository.name}</b></a>`
    : '';
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${title}</title><style>${raw(style)}</style></head>
<body><header>Simulated GitHub ${where}</header><main>${content}</main></body></html>`;
}

function repositoryPage(repository: Repository): Markup {
  const item = (kind: string, issue: Issue) =>
    html`<li><a href="/${repository.owner}/${repository.name}/${kind}/${issue.number}">#${issue.number} ${issue.title}</a></li>`;
  return page(
    repository.name,
    html`<h1>${repository.name}</h1><h2>Issues</h2><ul>${[...repository.issues.values()].map((issue) => item('issues', issue))}</ul>
<h2>Pull requests</h2><ul>${[...repository.pulls.values()].map((pull) => item('pull', pull))}</ul>`,
    repository,
  );
}

function issuePage(repository: Repository, issue: Issue): Markup {
  return page(
    issue.title,
    html`<h1>${issue.title} <small>#${issue.number}</small></h1>
<p><span class="pill ${issue.state}">${issue.state}</span>${issue.labels.map((label) => html`<span class="label">${label}</span>`)}</p>
${box(issue.user.login, issue.createdAt, issue.body, issue.reactions)}
${issue.comments.map(commentBox)}`,
    repository,
  );
}

async function pullPage(repository: Repository, pull: PullRequest): Promise<Markup> {
  const commits = (
    await git(repository.folder, ['log', '--format=%h%x09%an%x09%s', `${pull.baseSha}..refs/heads/${pull.head}`])
  )
    .split('\n')
    .map((line) => line.split('\t'));
  const state = pull.draft ? 'draft' : pull.state;
  return page(
    pull.title,
    html`<h1>${pull.title} <small>#${pull.number}</small></h1>
<p><span class="pill ${state}">${state}</span> <b>${pull.user.login}</b> wants to merge ${commits.length} commit${commits.length === 1 ? '' : 's'} into <code>${pull.base}</code> from <code>${pull.head}</code> · <a href="/${repository.owner}/${repository.name}/pull/${pull.number}/files">Files changed</a></p>
${box(pull.user.login, pull.createdAt, pull.body, pull.reactions)}
<ul>${commits.map(([sha = '', author = '', subject = '']) => html`<li><code>${sha}</code> ${subject} <small>by ${author}</small></li>`)}</ul>
${pull.comments.map(commentBox)}`,
    repository,
  );
}

async function filesPage(repository: Repository, pull: PullRequest): Promise<Markup> {
  const head = await readRef(repository.folder, `refs/heads/${pull.head}`);
  const diff = head ? await git(repository.folder, ['diff', `${pull.baseSha}...${head}`]) : '';
  const kind = (line: string) =>
    line.startsWith('+') ? 'add' : line.startsWith('-') ? 'del' : line.startsWith('@@') ? 'hunk' : '';
  return page(
    `Files of ${pull.title}`,
    html`<h1>${pull.title} <small>#${pull.number}</small></h1><p><a href="/${repository.owner}/${repository.name}/pull/${pull.number}">Conversation</a></p>
<div class="box"><div class="diff">${diff.split('\n').map((line) => html`<div class="${kind(line)}">${line}</div>`)}</div></div>`,
    repository,
  );
}

function commentBox(comment: Comment): Markup {
  return box(comment.user.login, comment.createdAt, comment.body, comment.reactions);
}

const signs: Readonly<Record<string, string>> = {
  eyes: '👀',
  confused: '😕',
  rocket: '🚀',
  '+1': '👍',
  '-1': '👎',
  heart: '❤️',
  hooray: '🎉',
  laugh: '😄',
};

function box(login: string, at: string, markdown: string, reactions: readonly Reaction[]): Markup {
  const shown = reactions.map(
    (reaction) => html`<span title="${reaction.user.login}">${signs[reaction.content] ?? reaction.content}</span>`,
  );
  return html`<div class="box"><div class="by"><b>${login}</b> · ${at}</div><div class="text">${raw(renderMarkdown(markdown))}<div class="reactions">${shown}</div></div></div>`;
}

/** Markdown with GitHub's extensions. Of HTML only what folds and makes small is let through, as on the real pages. */
function renderMarkdown(markdown: string): string {
  const rendered = micromark(markdown, { extensions: [gfm()], htmlExtensions: [gfmHtml()], allowDangerousHtml: false });
  const folded = rendered
    .replace(/&lt;(\/?)(details|summary|sub)&gt;/g, '<$1$2>')
    .replace(/&lt;!--[\s\S]*?--&gt;/g, '')
    .replace(/<p>\s*<\/p>/g, '');
  return folded.replace(/<blockquote>\s*<p>\[!WARNING\]/g, '<blockquote><p><b>⚠️ Warning</b><br>');
}
