import { parentPort } from 'node:worker_threads'
import { messageOf, Refusal } from '../../base/errors.ts'
import { explanationOf, releaseContentOf } from '../../parts/apps/manifest/release-content.ts'
import type { ReadAnswer, ReadQuestion } from './messages.ts'

/** The thread that reads large manifests: one question, one answer, nothing kept. */
parentPort?.on('message', (question: ReadQuestion) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  parentPort?.postMessage(answerTo(question))
})

function answerTo(question: ReadQuestion): ReadAnswer {
  try {
    if (question.asks === 'content') {
      return { is: 'content', content: releaseContentOf(question.input, question.at) }
    }
    const { texts, cell } = question
    return { is: 'explanation', explanation: explanationOf(texts, cell) }
  } catch (error) {
    if (!(error instanceof Refusal)) return { is: 'failed', message: messageOf(error) }
    const { code, message, status, hint, path, details = {} } = error
    return { is: 'refused', code, message, options: { status, hint, path, details } }
  }
}
